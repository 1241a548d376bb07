"""Sessions of browsers are kept by a hash of their key, as accounts.browser_sessions makes it."""

from django.db import migrations

HASH = """
UPDATE django_session SET session_key = left(encode(sha256(session_key::bytea), 'hex'), 40);
"""
# Nobody knows the keys any more: browsers sign in again.
REVERSE = "DELETE FROM django_session;"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_pending_addresses_follow_users"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(HASH, REVERSE)]
