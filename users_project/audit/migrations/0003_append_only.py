"""Entries are only added. What is old goes by ``prune_audit_log``.

The function has its owner's rights, so that nobody else needs the right to delete.
"""

from django.db import migrations

SQL = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is only added to, and rows are kept for 30 days at least'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_refuse_update BEFORE UPDATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_refuse_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_refuse_delete BEFORE DELETE ON audit_log
    FOR EACH ROW WHEN (OLD.at > now() - interval '30 days') EXECUTE FUNCTION audit_refuse();

-- For whoever may add entries. Returns how many are deleted.
CREATE FUNCTION prune_audit_log(older_than_days integer, at_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    deleted integer;
BEGIN
    IF NOT has_table_privilege(session_user, 'audit_log', 'INSERT') THEN
        RAISE EXCEPTION '% may not prune audit_log', session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM audit_log WHERE id = ANY(ARRAY(
        SELECT id FROM audit_log WHERE at < now() - make_interval(days => older_than_days)
        ORDER BY at LIMIT at_most FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;
"""
REVERSE = """
DROP FUNCTION prune_audit_log;
DROP FUNCTION audit_refuse CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_record_changes")]

    operations = [migrations.RunSQL(SQL, REVERSE)]
