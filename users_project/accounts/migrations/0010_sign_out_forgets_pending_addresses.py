"""What signs a user out everywhere, a new password among it, ends what they have proposed too: whoever
was in the account may have done so.
"""

from django.db import migrations

TRIGGER = """
CREATE OR REPLACE TRIGGER users_forget_pending_address AFTER UPDATE ON users
    FOR EACH ROW WHEN ({}) EXECUTE FUNCTION users_forget_pending_address();
"""
_ADDRESS = "NEW.email <> OLD.email"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_registrations_wait")]

    operations = [
        migrations.RunSQL(
            TRIGGER.format(f"{_ADDRESS} OR NEW.tokens_valid_after <> OLD.tokens_valid_after"),
            TRIGGER.format(_ADDRESS),
        )
    ]
