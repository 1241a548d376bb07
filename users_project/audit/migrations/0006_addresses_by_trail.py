"""A confirmed address of who registers is recorded by ``accounts.addresses``; nothing else here is
"the user's own and not confirmed" any more.
"""

from django.db import migrations

DROP = "DROP FUNCTION audit_address CASCADE"
REVERSE = """
CREATE FUNCTION audit_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write('email_confirmed', id, NULL)
    FROM users WHERE id = OLD.user_id AND email = OLD.email;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_confirmed AFTER DELETE ON pending_addresses
    FOR EACH ROW EXECUTE FUNCTION audit_address();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_record_rights_of_groups")]

    operations = [migrations.RunSQL(DROP, REVERSE)]
