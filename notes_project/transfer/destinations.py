"""Which note each item of an upload becomes, for links to it: known before one is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self
from uuid import UUID

from django.urls import reverse

from notes.models import Note
from transfer.drafts import Unfit, draft_of
from transfer.items import Item, Lost, Refused, note_id
from transfer.scratch import scratch

_BATCH = 500
_SCHEMA = """
CREATE TABLE taken (key TEXT PRIMARY KEY, id BLOB) WITHOUT ROWID;
CREATE TABLE earlier (number INTEGER PRIMARY KEY, id BLOB UNIQUE, key TEXT);
"""
_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Destinations:
    """Of one user; on the disk, for there may be millions. To be closed."""

    def __init__(self, user_id: UUID) -> None:
        self._user_id = user_id
        self._db = scratch(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def survey(self, items: Iterable[Item | Refused | Lost]) -> None:
        """Finds the items that will be taken, and the notes that are theirs already."""
        for item in items:
            if isinstance(item, Item) and self._is_fit(item):
                values = (item.key, self._own_id(item.key).bytes)
                self._db.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", values)
                for each in item.earlier:
                    values = (item.key, self._own_id(each.key).bytes)
                    question = "INSERT OR IGNORE INTO earlier (key, id) VALUES (?, ?)"
                    self._db.execute(question, values)
        self._find_earlier()

    def id(self, key: str) -> UUID:
        return self._taken(key) or self._own_id(key)

    def address(self, key: str) -> str | None:
        """The path of the note; None where the upload has no item of this key that is taken."""
        identifier = self._taken(key)
        return _path(identifier) if identifier else None

    def any_address(self, key: str) -> str:
        """The same, whether it is taken or not."""
        return _path(self.id(key))

    def renewed(self, text: str) -> str:
        """With the notes in the place of those that were made of less."""
        return _ID.sub(lambda found: str(self._renewed(UUID(found[0]))), text)

    def _renewed(self, identifier: UUID) -> UUID:
        question = "SELECT key FROM earlier WHERE id = ?"
        row = self._db.execute(question, [identifier.bytes]).fetchone()
        return self.id(row[0]) if row else identifier

    def _own_id(self, key: str) -> UUID:
        return note_id(self._user_id, key)

    def _is_fit(self, item: Item) -> bool:
        try:
            draft_of(item, self._own_id)
        except Unfit:
            return False
        return True

    def _find_earlier(self) -> None:
        """Where there is no note of an item yet, the first that was made of less becomes it."""
        rows = self._db.execute("SELECT key, id FROM earlier ORDER BY number DESC")
        while batch := rows.fetchmany(_BATCH):
            ids = {self._own_id(key) for key, _ in batch} | {UUID(bytes=each) for _, each in batch}
            notes = Note.objects.filter(user=self._user_id, pk__in=ids)
            here = set(notes.values_list("pk", flat=True))
            for key, identifier in batch:
                if self._own_id(key) not in here and UUID(bytes=identifier) in here:
                    question = "UPDATE taken SET id = ? WHERE key = ?"
                    self._db.execute(question, (identifier, key))

    def _taken(self, key: str) -> UUID | None:
        row = self._db.execute("SELECT id FROM taken WHERE key = ?", [key]).fetchone()
        return UUID(bytes=row[0]) if row else None


def _path(identifier: UUID) -> str:
    return reverse("note-detail", args=[identifier])
