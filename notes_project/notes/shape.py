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
    'is_archived', notes.is_archived, 'tags', notes.tag_names, {times}
)::text"""
# A block document is JSON already, and stays what it is to the letter.
_CONTENT = """'content', CASE notes.content_format
        WHEN 'blocks' THEN notes.content::json ELSE to_json(notes.content) END"""
_EXCERPT = "'excerpt', notes.excerpt"


def _shape(text: str, *more: str) -> str:
    """Args: text: the name and the value of the member that holds it; more: times besides."""
    names = ("created_at", "updated_at", *more)
    times = ", ".join(f"'{name}', {_TIME.format(f'notes.{name}')}" for name in names)
    return _SHAPE.format(text=text, times=times)


NOTE = _shape(_CONTENT)
"""A note, whole."""
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
