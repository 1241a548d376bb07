"""What an upload is read into: items, and what of them could not be taken.

A reader is ``read(archive) -> Read``. Both raise what `errors` has where the whole upload cannot be
used, and do so before the first item.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """One that becomes a note. Titles, contents and tags are checked when it is written.

    Args:
        source: where it is in the upload, its path or ``path:line``, for the report.
        key: what it is to whoever exported it, the same in each of his exports: an id, else a path.
        content: text, a block document or nothing.
        tags: in any form that a tag's name may be written in.
        created_at, updated_at: with an offset; None is the time of the import.
        relink: None where links are left alone.
        earlier: the items that an import of less of the same export has made of this one.
    """

    source: str
    key: str
    title: str
    content: str | dict[str, Any] | None
    tags: tuple[str, ...] = ()
    is_archived: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    relink: Relink | None = None
    earlier: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """One that cannot become a note, and why, for the person whose it is."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A part of an item that is taken without it, such as an attached file, and why."""

    source: str
    reason: str


Address = Callable[[str], str | None]
"""From an item's key the path of the note that it becomes, for links between items; None where it
becomes none: then the link stays as it is."""
Relink = Callable[[str, Address], str]
"""From an item's content as an import has left it that with the links that lead somewhere now."""
Read = Callable[[Address], Iterator[Item | Refused | Lost]]
"""What an upload has. It may be called again, with another address."""


def note_id(user_id: uuid.UUID, key: str) -> uuid.UUID:
    """The id of the note that a user's item becomes: the same each time, and nobody else's."""
    return uuid.uuid5(user_id, key)
