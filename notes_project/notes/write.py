"""Writing a note with its tags. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction

from notes.models import Note
from users.models import User

# FOR KEY SHARE: a tag that is being deleted is waited for and then not found, never linked.
_LINK = """
WITH found AS (
    SELECT id FROM tags WHERE name = ANY(%s) ORDER BY name FOR KEY SHARE
), linked AS (
    INSERT INTO note_tags (note_id, tag_id) SELECT %s, id FROM found ON CONFLICT DO NOTHING
)
SELECT count(*) FROM found
"""
# In one order, so that two transactions which make the same tags never wait for each other.
_MAKE = """
INSERT INTO tags (name) SELECT name FROM unnest(%s::text[]) AS new (name) ORDER BY name
ON CONFLICT DO NOTHING
"""
_UNLINK = """
DELETE FROM note_tags USING tags WHERE note_id = %s AND tag_id = id AND name <> ALL(%s)
"""


def create_note(user: User, *, title: str, content: str | None, tags: list[str]) -> dict[str, Any]:
    """Returns what the API shows of the note. Raises IntegrityError where the user is gone."""
    with transaction.atomic():
        note = Note.objects.create(user=user, title=title, content=content)
        _link(note.id, tags)
    return note.representation(tags)


def change_note(
    user: User, note_id: UUID | str, fields: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Sets ``title``, ``content`` and ``tags``, those that are given.

    Returns what the API then shows of the note; None where the user has no such note.
    """
    own = Note.objects.owned_by(user).filter(pk=note_id)
    columns = {name: value for name, value in fields.items() if name != "tags"}
    with transaction.atomic():
        # Also where only the tags change: they are part of the note. The row stays locked.
        if fields and not own.update(**columns, updated_at=TransactionNow()):
            return None
        if "tags" in fields:
            _unlink_others(note_id, fields["tags"])
            _link(note_id, fields["tags"])
        return next(iter(own.representations()), None)


def _link(note_id: UUID | str, names: list[str]) -> None:
    """Gives the note tags of these normalised names, each once, and makes those there are not."""
    if not names:
        return
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_LINK, [names, note_id])
            if cursor.fetchone()[0] == len(names):
                return
            cursor.execute(_MAKE, [names])


def _unlink_others(note_id: UUID | str, names: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_UNLINK, [note_id, names])
