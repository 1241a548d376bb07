"""Who registers with EMAIL_VERIFICATION waits here, and is a user once the address is confirmed."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

# Not Django's statements: they would make the constraint anew, without its ON DELETE CASCADE.
_NULLABLE = migrations.RunSQL(
    "ALTER TABLE pending_addresses ALTER user_id DROP NOT NULL",
    "DELETE FROM pending_addresses WHERE user_id IS NULL;"
    " ALTER TABLE pending_addresses ALTER user_id SET NOT NULL",
    [
        migrations.AlterField(
            "PendingAddress",
            "user",
            models.OneToOneField(
                null=True,
                on_delete=models.DO_NOTHING,
                related_name="pending_address",
                to=settings.AUTH_USER_MODEL,
            ),
        )
    ],
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_search_by_parts")]

    operations = [
        _NULLABLE,
        migrations.AddField(
            "PendingAddress", "username", models.CharField(db_default="", max_length=100)
        ),
        migrations.AddField(
            "PendingAddress", "password", models.CharField(db_default="", max_length=255)
        ),
        migrations.AlterModelOptions(
            "PendingAddress", {"verbose_name_plural": "pending addresses"}
        ),
        migrations.AddConstraint(
            "PendingAddress",
            models.CheckConstraint(
                condition=Q(user=None, username__gt="", password__gt="")
                | Q(user__isnull=False, username="", password=""),
                name="pending_addresses_of_user_or_new",
            ),
        ),
    ]
