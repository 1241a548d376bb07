"""A user, or a session, that is deleted takes along what refers to it, by plain SQL as well.

Django writes ON DELETE CASCADE into no constraint before 6.0. The constraints are found in the
catalogue: their names hold a hash, and those of groups, permissions and the admin's log are
Django's own.
"""

from django.db import migrations

SQL = """
DO $$
DECLARE reference record;
BEGIN
    FOR reference IN
        SELECT conrelid::regclass AS source, conname AS name,
               pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE contype = 'f' AND confrelid IN ('users'::regclass, 'sessions'::regclass)
    LOOP
        EXECUTE format(
            'ALTER TABLE %%s DROP CONSTRAINT %%I, ADD CONSTRAINT %%I %%s %(how)s',
            reference.source, reference.name, reference.name,
            regexp_replace(reference.definition, '\\)( ON DELETE| DEFERRABLE).*$', ')')
        );
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_sessions"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        migrations.RunSQL(
            SQL % {"how": "ON DELETE CASCADE"}, SQL % {"how": "DEFERRABLE INITIALLY DEFERRED"}
        )
    ]
