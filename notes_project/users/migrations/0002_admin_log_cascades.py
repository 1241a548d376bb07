"""A shadow user can be deleted by SQL: the admin's log of what that user did goes too."""

from django.db import migrations

_REPLACE = (
    "ALTER TABLE django_admin_log DROP CONSTRAINT django_admin_log_user_id_c564eba6_fk_users_id,"
    " ADD CONSTRAINT django_admin_log_user_id_c564eba6_fk_users_id"
    " FOREIGN KEY (user_id) REFERENCES users (id) "
)


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0001_shadow_users"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        migrations.RunSQL(
            _REPLACE + "ON DELETE CASCADE", _REPLACE + "DEFERRABLE INITIALLY DEFERRED"
        )
    ]
