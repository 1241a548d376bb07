"""Tags whose names had characters that show nothing are, without these, what they look like: each gets
that name, or joins the tag that has it. A name in which nothing is seen stays; nothing can be made of it."""

from typing import Any

from django.db import migrations

from notes.tag_names import InvalidTagName, normalise

_FIND = "SELECT id, name FROM tags WHERE name ~ '[^\\u0001-\\u007f]' ORDER BY name"
_RENAME = """
UPDATE tags SET name = %(new)s
WHERE id = %(id)s AND NOT EXISTS (SELECT FROM tags WHERE name = %(new)s)
"""
# The links of the one that goes, and the names in the rows of notes, follow by cascade and triggers.
_JOIN = """
INSERT INTO note_tags (note_id, tag_id)
SELECT note_id, (SELECT id FROM tags WHERE name = %(new)s) FROM note_tags WHERE tag_id = %(id)s
ON CONFLICT DO NOTHING
"""


def show_names(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_FIND)
        for tag, name in cursor.fetchall():
            try:
                values = {"id": tag, "new": normalise(name)}
            except InvalidTagName:
                continue
            if values["new"] == name:
                continue
            cursor.execute(_RENAME, values)
            if not cursor.rowcount:
                cursor.execute(_JOIN, values)
                cursor.execute("DELETE FROM tags WHERE id = %(id)s", values)


class Migration(migrations.Migration):
    dependencies = [("notes", "0016_imported_times")]

    operations = [migrations.RunPython(show_names, migrations.RunPython.noop)]
