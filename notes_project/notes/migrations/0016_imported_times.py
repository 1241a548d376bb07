"""``notes.updated_at`` stays what an import brings where it completes a note of its own: for that one
transaction it says the time, by the setting ``notes.updated_at``."""

from django.db import migrations

_MOVE = """
CREATE OR REPLACE FUNCTION notes_move_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := coalesce(
        nullif(current_setting('notes.updated_at', true), '')::timestamptz,
        greatest(now(), OLD.updated_at + interval '1 microsecond')
    );
    RETURN NEW;
END
$$;
"""
_MOVE_BEFORE = """
CREATE OR REPLACE FUNCTION notes_move_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := greatest(now(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("notes", "0015_long_runs")]

    operations = [migrations.RunSQL(_MOVE, _MOVE_BEFORE)]
