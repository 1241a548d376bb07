"""What a note's content is, text or a block document, and how its text begins, whoever writes it."""

from django.db import migrations, models
from django.db.models.functions import Left

# Runs of text of one block are one text, so that a word with marks within is one word.
_TEXT = """
CREATE FUNCTION notes_plain_text(content text, content_format text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF content IS NULL OR content_format <> 'blocks' THEN
        RETURN content;
    END IF;
    RETURN coalesce((
        SELECT string_agg(line, E'\n' ORDER BY place)
        FROM jsonb_path_query(content::jsonb, 'strict $.** ? (exists (@.type))')
            WITH ORDINALITY AS blocks (block, place),
        LATERAL (SELECT concat_ws(
            E'\n',
            nullif((SELECT string_agg(run #>> '{}', '')
                FROM jsonb_path_query(block, '$.text[*].text') AS run), ''),
            block ->> 'code',
            block ->> 'title',
            block ->> 'alt',
            nullif((SELECT string_agg(run #>> '{}', '')
                FROM jsonb_path_query(block, '$.caption[*].text') AS run), ''),
            CASE WHEN block ->> 'type' = 'bookmark' THEN block ->> 'url' END,
            CASE WHEN block ->> 'type' = 'table' THEN (SELECT string_agg((
                SELECT string_agg(coalesce((SELECT string_agg(run #>> '{}', '')
                    FROM jsonb_path_query(cell, '$.text') AS run), ''), E'\t')
                FROM jsonb_array_elements(cells) AS cell), E'\n')
                FROM jsonb_path_query(block, '$.rows[*]') AS cells) END
        )) AS lines (line)
        WHERE line <> ''
    ), '');
END
$$;
"""
# As in migration 0005, and the format.
_KEEP = """
CREATE OR REPLACE FUNCTION notes_keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO note_versions (note_id, number, title, content, content_format, tags, updated_at)
    VALUES (OLD.id, OLD.version, OLD.title, OLD.content, OLD.content_format, ARRAY(
        SELECT tags.name FROM note_tags JOIN tags ON tags.id = note_tags.tag_id
        WHERE note_tags.note_id = OLD.id ORDER BY tags.name
    ), OLD.updated_at);
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
DROP TRIGGER notes_keep_version ON notes;
CREATE TRIGGER notes_keep_version BEFORE UPDATE ON notes FOR EACH ROW
    WHEN ((OLD.version, OLD.title, OLD.content, OLD.content_format)
        IS DISTINCT FROM (NEW.version, NEW.title, NEW.content, NEW.content_format))
    EXECUTE FUNCTION notes_keep_version();
"""
_KEEP_BEFORE = """
CREATE OR REPLACE FUNCTION notes_keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO note_versions (note_id, number, title, content, tags, updated_at)
    VALUES (OLD.id, OLD.version, OLD.title, OLD.content, ARRAY(
        SELECT tags.name FROM note_tags JOIN tags ON tags.id = note_tags.tag_id
        WHERE note_tags.note_id = OLD.id ORDER BY tags.name
    ), OLD.updated_at);
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
DROP TRIGGER notes_keep_version ON notes;
CREATE TRIGGER notes_keep_version BEFORE UPDATE ON notes FOR EACH ROW
    WHEN ((OLD.version, OLD.title, OLD.content)
        IS DISTINCT FROM (NEW.version, NEW.title, NEW.content))
    EXECUTE FUNCTION notes_keep_version();
"""
_DROP_TEXT = "DROP FUNCTION notes_plain_text(text, text);"


class Migration(migrations.Migration):
    dependencies = [("notes", "0005_history_and_keys")]

    operations = [
        migrations.AddField(
            "note",
            "content_format",
            models.CharField(
                choices=[("text", "Text"), ("blocks", "Blocks")],
                db_default="text",
                default="text",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            "note",
            models.CheckConstraint(
                condition=models.Q(content_format="text")
                | models.Q(content_format="blocks", content__isnull=False),
                name="notes_content_format",
            ),
        ),
        migrations.AddField(
            "noteversion",
            "content_format",
            models.CharField(
                choices=[("text", "Text"), ("blocks", "Blocks")],
                db_default="text",
                default="text",
                max_length=10,
            ),
        ),
        migrations.RunSQL(_KEEP, _KEEP_BEFORE),
        migrations.RunSQL(_TEXT, _DROP_TEXT),
        migrations.AddField(
            "note",
            "excerpt",
            models.GeneratedField(
                expression=Left(
                    models.Func("content", "content_format", function="notes_plain_text"),
                    200,
                ),
                output_field=models.TextField(null=True),
                db_persist=True,
            ),
        ),
    ]
