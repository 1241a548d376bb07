"""Whoever has not confirmed their own address is no user any more, but waits as from 0009 on.

Those alone of whom the audit log knows that they never signed in: nothing of theirs is lost, and
``verify_address`` sends them a link. The others stay, since EMAIL_VERIFICATION may have been off.
"""

from django.db import migrations

MOVE = """
WITH waiting AS (
    SELECT users.* FROM users
        JOIN pending_addresses ON user_id = users.id AND pending_addresses.email = users.email
    WHERE EXISTS (SELECT FROM audit_log WHERE user_id = users.id AND event = 'registered')
        AND NOT EXISTS (SELECT FROM audit_log WHERE user_id = users.id AND event = 'signed_in')
), moved AS (
    INSERT INTO pending_addresses (email, username, password)
    SELECT email, username, password FROM waiting
)
DELETE FROM users USING waiting WHERE users.id = waiting.id;
DELETE FROM pending_addresses USING users
WHERE user_id = users.id AND pending_addresses.email = users.email;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_sign_out_forgets_pending_addresses"),
        # Nothing is confirmed by this.
        ("audit", "0006_addresses_by_trail"),
    ]

    operations = [migrations.RunSQL(MOVE, migrations.RunSQL.noop)]
