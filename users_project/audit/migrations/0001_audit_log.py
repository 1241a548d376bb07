import django.contrib.postgres.functions
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("registered", "Registered"),
                            ("signed_in", "Signed In"),
                            ("sign_in_failed", "Sign In Failed"),
                            ("wrong_password", "wrong password, asked again"),
                            ("token_replayed", "used refresh token sent again"),
                            ("session_ended", "Session Ended"),
                            ("signed_out_everywhere", "Signed Out Everywhere"),
                            ("password_reset_mailed", "mail to reset the password"),
                            ("password_changed", "Password Changed"),
                            ("confirmation_mailed", "mail to confirm an address"),
                            ("email_confirmed", "e-mail address confirmed"),
                            ("email_changed", "e-mail address changed"),
                            ("username_changed", "Username Changed"),
                            ("deactivated", "Deactivated"),
                            ("activated", "Activated"),
                            ("staff_granted", "Staff Granted"),
                            ("staff_withdrawn", "Staff Withdrawn"),
                            ("superuser_granted", "Superuser Granted"),
                            ("superuser_withdrawn", "Superuser Withdrawn"),
                            ("rights_changed", "groups or permissions changed"),
                            ("exported", "Exported"),
                            ("deleted", "Deleted"),
                        ],
                        max_length=32,
                    ),
                ),
                ("session_id", models.UUIDField(null=True, verbose_name="session")),
                (
                    "request_id",
                    models.CharField(db_default="", max_length=64, verbose_name="request"),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit log",
                "db_table": "audit_log",
                "indexes": [
                    models.Index(fields=["user", "id"], name="audit_log_user"),
                    models.Index(fields=["actor", "id"], name="audit_log_actor"),
                    models.Index(fields=["event", "id"], name="audit_log_event"),
                    models.Index(fields=["at"], name="audit_log_at"),
                ],
            },
        ),
    ]
