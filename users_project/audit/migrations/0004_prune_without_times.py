"""Whoever may add entries sets neither their ids nor their times, and prunes all the same."""

from django.db import migrations

SQL = """
CREATE OR REPLACE FUNCTION prune_audit_log(older_than_days integer, at_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    deleted integer;
BEGIN
    IF NOT has_any_column_privilege(session_user, 'audit_log', 'INSERT') THEN
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


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_append_only")]

    # The former one asked for a right on the whole table, which includes this one.
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
