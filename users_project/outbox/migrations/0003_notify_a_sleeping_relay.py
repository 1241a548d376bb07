"""NOTIFY only for a relay that sleeps: it takes one lock of the whole server until the commit is on
the disk, so commits that notify are written one by one, however many writers there are.

A relay with nothing to do takes the advisory lock 7002 and looks once more before it waits. Either
it gets the lock after a writer's commit, and that look sees the rows, or the writer finds the lock
taken, and notifies.
"""

from django.db import migrations

_FUNCTION = """
CREATE OR REPLACE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {}
    RETURN NULL;
END $$;
"""
_NOTIFY = "PERFORM pg_notify('outbox', '');"


class Migration(migrations.Migration):
    dependencies = [("outbox", "0002_capture_user_changes")]

    operations = [
        migrations.RunSQL(
            _FUNCTION.format(
                f"IF NOT pg_try_advisory_xact_lock_shared(7002) THEN {_NOTIFY} END IF;"
            ),
            _FUNCTION.format(_NOTIFY),
        )
    ]
