"""An index for each order of the lists, of all notes and of those with a tag.

``note_tags`` repeats what the lists are ordered and filtered by: an index over two tables there is
not. Triggers keep the copies, so that an INSERT by hand needs to know nothing of them. ``is_archived``
is null there while the note is in the trash.
"""

from typing import Any

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Collate, Lower

_LIVING = models.Q(("deleted_at", None))
_KEYS: dict[str, Any] = {
    "updated_at": "updated_at",
    "created_at": "created_at",
    "title": Collate(Lower("title"), "C"),
}

_COPY = """
ALTER TABLE note_tags
    ADD COLUMN user_id uuid,
    ADD COLUMN is_archived boolean,
    ADD COLUMN created_at timestamptz,
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN title_key text COLLATE "C";

CREATE FUNCTION note_tags_copy_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for a change of the note: that one does not see this row, and would not reach it.
    SELECT user_id, CASE WHEN deleted_at IS NULL THEN is_archived END,
        created_at, updated_at, lower(title)
    INTO NEW.user_id, NEW.is_archived, NEW.created_at, NEW.updated_at, NEW.title_key
    FROM notes WHERE id = NEW.note_id FOR NO KEY UPDATE;
    RETURN NEW;
END
$$;
CREATE TRIGGER note_tags_copy_note BEFORE INSERT OR UPDATE OF note_id ON note_tags
    FOR EACH ROW EXECUTE FUNCTION note_tags_copy_note();

CREATE FUNCTION notes_copy_to_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE note_tags SET
        user_id = NEW.user_id,
        is_archived = CASE WHEN NEW.deleted_at IS NULL THEN NEW.is_archived END,
        created_at = NEW.created_at,
        updated_at = NEW.updated_at,
        title_key = lower(NEW.title)
    WHERE note_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER notes_copy_to_tags AFTER UPDATE ON notes
    FOR EACH ROW EXECUTE FUNCTION notes_copy_to_tags();

UPDATE note_tags SET note_id = note_id;
"""
_DROP = """
DROP TRIGGER notes_copy_to_tags ON notes;
DROP FUNCTION notes_copy_to_tags();
DROP TRIGGER note_tags_copy_note ON note_tags;
DROP FUNCTION note_tags_copy_note();
ALTER TABLE note_tags DROP COLUMN user_id, DROP COLUMN is_archived, DROP COLUMN created_at,
    DROP COLUMN updated_at, DROP COLUMN title_key;
"""
# The second one finds the links of a tag, for a tag that is deleted.
_INDEXES = """
CREATE INDEX tagged_by_updated_at ON note_tags (user_id, tag_id, is_archived, updated_at, note_id);
CREATE INDEX tagged_by_created_at ON note_tags (tag_id, user_id, is_archived, created_at, note_id);
CREATE INDEX tagged_by_title ON note_tags (user_id, tag_id, is_archived, title_key, note_id);
"""
_DROP_INDEXES = """
DROP INDEX tagged_by_updated_at; DROP INDEX tagged_by_created_at; DROP INDEX tagged_by_title;
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("notes", "0006_content_format"),
    ]

    operations = [
        migrations.RunSQL(_COPY, _DROP),
        migrations.RunSQL(_INDEXES, _DROP_INDEXES),
        migrations.RemoveIndex("notetag", "notes_of_tag"),
        migrations.RemoveIndex("note", "notes_of_user"),
        migrations.RemoveIndex("note", "notes_of_user_archived"),
        *(
            migrations.AddIndex(
                "note",
                models.Index(
                    "user", "is_archived", key, "id", name=f"notes_by_{name}", condition=_LIVING
                ),
            )
            for name, key in _KEYS.items()
        ),
    ]
