"""Whoever has not confirmed their own address is no user any more, but waits as from 0009 on.

They could not sign in, so nothing of theirs is lost: ``verify_address`` sends them a link.
"""

from django.db import migrations

MOVE = """
INSERT INTO pending_addresses (email, username, password)
SELECT users.email, users.username, users.password
FROM users JOIN pending_addresses ON user_id = users.id AND pending_addresses.email = users.email;
DELETE FROM users USING pending_addresses
WHERE user_id = users.id AND pending_addresses.email = users.email;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_sign_out_forgets_pending_addresses"),
        # Nothing is confirmed by this.
        ("audit", "0006_addresses_by_trail"),
    ]

    operations = [migrations.RunSQL(MOVE, migrations.RunSQL.noop)]
