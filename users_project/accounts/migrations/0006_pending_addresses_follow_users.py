"""An address that waits goes with its user, and with any change of the user's address.

Django writes ON DELETE CASCADE into no constraint before 6.0.
"""

from django.db import migrations

CASCADE = """
DO $$
DECLARE found name := (
    SELECT conname FROM pg_constraint
    WHERE contype = 'f' AND conrelid = 'pending_addresses'::regclass
);
BEGIN
    EXECUTE format(
        'ALTER TABLE pending_addresses DROP CONSTRAINT %I, ADD CONSTRAINT %I'
        ' FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE', found, found
    );
END $$
"""
# Whoever sets an address, by the admin or by SQL, has the last word.
TRIGGER = """
CREATE FUNCTION users_forget_pending_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pending_addresses WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER users_forget_pending_address AFTER UPDATE ON users
    FOR EACH ROW WHEN (NEW.email <> OLD.email) EXECUTE FUNCTION users_forget_pending_address();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_pending_addresses")]

    operations = [
        migrations.RunSQL(CASCADE, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGER, "DROP FUNCTION users_forget_pending_address CASCADE"),
    ]
