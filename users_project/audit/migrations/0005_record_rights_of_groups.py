"""What a group may its members may: whoever changes that changes their rights."""

from django.db import migrations

SQL = """
CREATE FUNCTION audit_group_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write('rights_changed', user_id, NULL)
    FROM users_groups WHERE group_id = COALESCE(NEW.group_id, OLD.group_id);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_group_permissions AFTER INSERT OR DELETE ON auth_group_permissions
    FOR EACH ROW EXECUTE FUNCTION audit_group_rights();
"""
REVERSE = "DROP FUNCTION audit_group_rights CASCADE"


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_prune_without_times")]

    operations = [migrations.RunSQL(SQL, REVERSE)]
