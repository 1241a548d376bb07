"""Former states of a note are bounded, however often it is changed."""

from importlib import import_module

from django.db import migrations

# As in migration 0010. Besides, once a state is the 100th back it stays only where ten minutes lie
# between it and the one that is kept before it. Each comes there once, and is decided on there.
_KEEP = """
CREATE OR REPLACE FUNCTION notes_keep_version() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO note_versions (note_id, number, title, content, content_format, tags, updated_at)
    VALUES (OLD.id, OLD.version, OLD.title, OLD.content, OLD.content_format, OLD.tag_names,
        OLD.updated_at);
    IF OLD.version > 100 THEN
        DELETE FROM note_versions
        WHERE note_id = OLD.id AND number = OLD.version - 100 AND replaced_at < (
            SELECT replaced_at + interval '10 minutes' FROM note_versions
            WHERE note_id = OLD.id AND number < OLD.version - 100 ORDER BY number DESC LIMIT 1
        );
    END IF;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
"""
_KEEP_BEFORE = import_module("notes.migrations.0010_tag_names")._VERSION


class Migration(migrations.Migration):
    dependencies = [("notes", "0011_ids_and_order")]

    operations = [migrations.RunSQL(_KEEP, _KEEP_BEFORE)]
