"""The one shape of a note, which PostgreSQL writes as JSON and everything else passes on as it is.

Rows that become objects and JSON again in Python cost as much as all the rest of a request.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# Over a row of notes.
_SHAPE = """json_build_object(
    'id', notes.id, 'title', notes.title, {text}, 'content_format', notes.content_format,
    'is_archived', notes.is_archived, 'tags', {tags}, {times}
)::text"""
_TAGS = """ARRAY(
        SELECT tags.name FROM note_tags JOIN tags ON tags.id = note_tags.tag_id
        WHERE note_tags.note_id = notes.id ORDER BY tags.name
    )"""
# A block document is JSON already, and stays what it is to the letter.
_CONTENT = """'content', CASE notes.content_format
        WHEN 'blocks' THEN notes.content::json ELSE to_json(notes.content) END"""
_EXCERPT = "'excerpt', notes.excerpt"


def _shape(text: str, *more: str, tags: str = _TAGS) -> str:
    """Args: text: the name and the value of the member that holds it; more: times besides."""
    names = ("created_at", "updated_at", *more)
    times = ", ".join(f"'{name}', {_TIME.format(f'notes.{name}')}" for name in names)
    return _SHAPE.format(text=text, tags=tags, times=times)


NOTE = _shape(_CONTENT)
"""A note, whole."""
NEW_NOTE = _shape(_CONTENT, tags="%(tags)s::text[]")
"""The same while its links are being made, for a statement with their sorted names as ``tags``."""
SUMMARY = _shape(_EXCERPT)
"""A note in a list."""
TRASHED, TRASHED_SUMMARY = (_shape(text, "deleted_at") for text in (_CONTENT, _EXCERPT))
"""The same of a note in the trash."""

_READ = f"SELECT {NOTE} FROM notes WHERE id = %s AND user_id = %s AND deleted_at IS NULL"  # noqa: S608


def read_note(user_id: UUID, note_id: UUID | str) -> bytes | None:
    """The note as JSON; None where the user has none of this id, or it is in the trash."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [note_id, user_id])
        row = cursor.fetchone()
    return row[0].encode() if row else None
