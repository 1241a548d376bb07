"""Moves ``notes.updated_at`` with every UPDATE, also with one by hand, and always forward: the lists
are ordered by it, and it tells two states of a note apart."""

from django.db import migrations

_CREATE = """
CREATE FUNCTION notes_move_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := greatest(now(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;
CREATE TRIGGER notes_move_updated_at BEFORE UPDATE ON notes
    FOR EACH ROW EXECUTE FUNCTION notes_move_updated_at();
"""
_DROP = """
DROP TRIGGER notes_move_updated_at ON notes;
DROP FUNCTION notes_move_updated_at();
"""


class Migration(migrations.Migration):
    dependencies = [("notes", "0002_cascades")]

    operations = [migrations.RunSQL(_CREATE, _DROP)]
