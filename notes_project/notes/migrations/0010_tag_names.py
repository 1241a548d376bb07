"""``notes.tag_names``: the names of a note's tags, sorted by code points, so that what shows a note reads
one row.

Triggers keep it, whoever changes links or tags. All of them lock the notes first, then read the links
by a new snapshot: of two changes at once the later one sees both. Nothing else of a note moves: neither
``updated_at`` nor its version.
"""

from django.db import migrations

# Who sets no other column than `tag_names` has changed nothing that these are for.
_MOVE = """
CREATE TRIGGER notes_move_updated_at BEFORE UPDATE OF
    id, user_id, title, content, content_format, is_archived, created_at, updated_at, deleted_at,
    version ON notes FOR EACH ROW EXECUTE FUNCTION notes_move_updated_at();
CREATE TRIGGER notes_copy_to_tags AFTER UPDATE ON notes FOR EACH ROW
    WHEN ((OLD.user_id, OLD.deleted_at, OLD.is_archived, OLD.created_at, OLD.updated_at, OLD.title)
        IS DISTINCT FROM
        (NEW.user_id, NEW.deleted_at, NEW.is_archived, NEW.created_at, NEW.updated_at, NEW.title))
    EXECUTE FUNCTION notes_copy_to_tags();
"""
_MOVE_BEFORE = """
CREATE TRIGGER notes_move_updated_at BEFORE UPDATE ON notes
    FOR EACH ROW EXECUTE FUNCTION notes_move_updated_at();
CREATE TRIGGER notes_copy_to_tags AFTER UPDATE ON notes
    FOR EACH ROW EXECUTE FUNCTION notes_copy_to_tags();
"""
_DROP_MOVE = (
    "DROP TRIGGER notes_move_updated_at ON notes; DROP TRIGGER notes_copy_to_tags ON notes;"
)

_COLUMN = """ALTER TABLE notes ADD COLUMN tag_names text[] COLLATE "C" NOT NULL DEFAULT '{}';"""

# `note_tags_added` and `note_tags_removed` look first whether there is anything to do: a statement that
# makes a note with its links has written the names itself. An added link has locked its note already.
#
# A session keeps the plan that it made when it first called a function, perhaps for one link in an empty
# table, perhaps for 10^5 of them. So there is one that serves both: by key, row by row.
_BY_KEY = "LANGUAGE plpgsql SET enable_seqscan = off"
_KEEP = f"""
CREATE FUNCTION notes_name_tags(changed uuid[]) RETURNS void {_BY_KEY} AS $$
BEGIN
    PERFORM FROM notes WHERE id = ANY(changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE notes SET tag_names = ARRAY(
        SELECT (SELECT name FROM tags WHERE id = tag_id) AS name
        FROM note_tags WHERE note_id = notes.id ORDER BY name
    ) WHERE id = ANY(changed);
END
$$;

CREATE FUNCTION note_tags_added() RETURNS trigger {_BY_KEY} AS $$
DECLARE
    changed uuid[] := ARRAY(
        SELECT DISTINCT note_id FROM added
        WHERE (SELECT name FROM tags WHERE id = tag_id)
            <> ALL ((SELECT tag_names FROM notes WHERE id = note_id)::text[])
    );
BEGIN
    IF changed <> '{{}}' THEN
        PERFORM notes_name_tags(changed);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_tags_added AFTER INSERT ON note_tags REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_tags_added();

CREATE FUNCTION note_tags_removed() RETURNS trigger {_BY_KEY} AS $$
DECLARE
    -- Where the note went too, there are no names; where the tag did, there is no name.
    changed uuid[] := ARRAY(
        SELECT DISTINCT note_id FROM removed, LATERAL (
            SELECT (SELECT tag_names FROM notes WHERE id = note_id) AS names OFFSET 0
        ) AS now
        WHERE names IS NOT NULL
            AND ((SELECT name FROM tags WHERE id = tag_id) = ANY (names)) IS NOT FALSE
    );
BEGIN
    IF changed <> '{{}}' THEN
        PERFORM notes_name_tags(changed);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_tags_removed AFTER DELETE ON note_tags REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION note_tags_removed();

CREATE FUNCTION note_tags_moved() RETURNS trigger {_BY_KEY} AS $$
BEGIN
    PERFORM notes_name_tags(ARRAY[OLD.note_id, NEW.note_id]);
    RETURN NULL;
END
$$;
-- By row: a trigger that knows its columns gets no table of the changed rows, and the copies in
-- `note_tags` are written with each change of a note.
CREATE TRIGGER note_tags_moved AFTER UPDATE OF note_id, tag_id ON note_tags
    FOR EACH ROW EXECUTE FUNCTION note_tags_moved();

CREATE FUNCTION note_tags_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notes SET tag_names = '{{}}' WHERE tag_names <> '{{}}';
    RETURN NULL;
END
$$;
CREATE TRIGGER note_tags_emptied AFTER TRUNCATE ON note_tags
    FOR EACH STATEMENT EXECUTE FUNCTION note_tags_emptied();

CREATE FUNCTION tags_renamed() RETURNS trigger {_BY_KEY} AS $$
BEGIN
    PERFORM notes_name_tags(ARRAY(SELECT note_id FROM note_tags WHERE tag_id = NEW.id));
    RETURN NULL;
END
$$;
CREATE TRIGGER tags_renamed AFTER UPDATE OF name ON tags FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION tags_renamed();

CREATE FUNCTION tags_lock_notes() RETURNS trigger {_BY_KEY} AS $$
BEGIN
    -- Before their links are deleted: whoever changes a note has locked it before it writes to them.
    PERFORM FROM notes WHERE id = ANY(ARRAY(SELECT note_id FROM note_tags WHERE tag_id = OLD.id))
    ORDER BY id FOR NO KEY UPDATE;
    RETURN OLD;
END
$$;
CREATE TRIGGER tags_lock_notes BEFORE DELETE ON tags
    FOR EACH ROW EXECUTE FUNCTION tags_lock_notes();
"""  # noqa: S608 - constants
_DROP_KEEP = """
DROP TRIGGER tags_lock_notes ON tags; DROP FUNCTION tags_lock_notes();
DROP TRIGGER tags_renamed ON tags; DROP FUNCTION tags_renamed();
DROP TRIGGER note_tags_emptied ON note_tags; DROP FUNCTION note_tags_emptied();
DROP TRIGGER note_tags_moved ON note_tags; DROP FUNCTION note_tags_moved();
DROP TRIGGER note_tags_removed ON note_tags; DROP FUNCTION note_tags_removed();
DROP TRIGGER note_tags_added ON note_tags; DROP FUNCTION note_tags_added();
DROP FUNCTION notes_name_tags(uuid[]);
"""

_FILL = """
UPDATE notes SET tag_names = now.names
FROM (
    SELECT note_id, array_agg(tags.name::text ORDER BY tags.name) AS names
    FROM note_tags JOIN tags ON tags.id = tag_id GROUP BY note_id
) AS now
WHERE id = note_id;
"""

# As in migration 0006, but for the names of the tags.
_VERSION = """
CREATE OR REPLACE FUNCTION notes_keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO note_versions (note_id, number, title, content, content_format, tags, updated_at)
    VALUES (OLD.id, OLD.version, OLD.title, OLD.content, OLD.content_format, OLD.tag_names,
        OLD.updated_at);
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
"""
_VERSION_BEFORE = """
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
"""


class Migration(migrations.Migration):
    dependencies = [("notes", "0009_search")]

    operations = [
        migrations.RunSQL(_DROP_MOVE + _MOVE, _DROP_MOVE + _MOVE_BEFORE),
        migrations.RunSQL(_COLUMN, "ALTER TABLE notes DROP COLUMN tag_names;"),
        migrations.RunSQL(_KEEP, _DROP_KEEP),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        migrations.RunSQL(_VERSION, _VERSION_BEFORE),
    ]
