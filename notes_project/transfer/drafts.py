"""Items checked, and in the form in which they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.utils import timezone

from notes import blocks
from notes.fields import MAX_CONTENT_BYTES, MAX_TAGS, MAX_TITLE
from notes.invisible import shows_nothing
from notes.models import BLOCKS, TEXT
from notes.serializers import ID
from notes.tag_names import InvalidTagName, normalise_all
from transfer.items import Item, Relink

# A note changed later than now would be ordered wrong until then.
_CLOCKS_DIFFER = timedelta(days=1)


class Unfit(ValueError):
    """An item is nothing that a note can be. Its text is for the person whose it is."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An item as it is written. A note has the id `own` where it was exported from this user.

    Args:
        relink, earlier: as the item's.
    """

    source: str
    id: UUID
    own: UUID | None
    title: str
    content: str | None
    content_format: str
    is_archived: bool
    tags: list[str]
    created_at: datetime | None
    updated_at: datetime | None
    relink: Relink | None
    earlier: tuple[Draft, ...]

    @property
    def size_bytes(self) -> int:
        """Of what the search finds."""
        own = len(self.title.encode()) + len((self.content or "").encode())
        return own + sum(draft.size_bytes for draft in self.earlier)

    @property
    def state(self) -> tuple[Any, ...]:
        """What tells whether a note is still as the item has it; of the content its SHA-256."""
        digest = None if self.content is None else sha256(self.content.encode()).hexdigest()
        return self.title, digest, self.content_format, self.is_archived, self.tags


def draft_of(item: Item, id_of: Callable[[str], UUID]) -> Draft:
    """By the rules of the API. Raises Unfit.

    Args:
        id_of: tells of a key the id of the note.
    """
    for text in (item.key, item.title, item.content if isinstance(item.content, str) else ""):
        _require_characters(text)
    title = item.title.strip()
    if shows_nothing(title):
        raise Unfit("Its title is blank.")
    if len(title) > MAX_TITLE:
        raise Unfit(f"Its title has more than {MAX_TITLE} characters.")
    content, content_format = _content(item)
    try:
        tags = normalise_all(item.tags)
    except InvalidTagName as error:
        raise Unfit(str(error)) from None
    if len(tags) > MAX_TAGS:
        raise Unfit(f"It has more than {MAX_TAGS} tags.")
    latest = timezone.now() + _CLOCKS_DIFFER
    if any(time and time > latest for time in (item.created_at, item.updated_at)):
        raise Unfit("It was created or changed in the future.")
    return Draft(
        item.source,
        id_of(item.key),
        UUID(item.key) if re.fullmatch(ID, item.key) else None,
        title,
        content,
        content_format,
        item.is_archived,
        tags,
        item.created_at,
        item.updated_at,
        item.relink,
        tuple(_fit(item.earlier, id_of)),
    )


def _fit(items: Iterable[Item], id_of: Callable[[str], UUID]) -> Iterator[Draft]:
    for item in items:
        with suppress(Unfit):
            yield draft_of(item, id_of)


def _content(item: Item) -> tuple[str | None, str]:
    """As it is stored. Raises Unfit."""
    if isinstance(item.content, dict):
        try:
            return str(blocks.canonical(item.content)), BLOCKS
        except blocks.InvalidDocument as error:
            place, (_, detail) = next(iter(error.errors.items()))
            raise Unfit(f"Its block document is not valid at {place or '/'}: {detail}") from None
    if item.content is not None and len(item.content.encode()) > MAX_CONTENT_BYTES:
        raise Unfit(f"Its content has more than {MAX_CONTENT_BYTES:,} bytes.")
    return item.content, TEXT


def _require_characters(text: str) -> None:
    """Raises Unfit for what PostgreSQL has no place for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("It has a lone surrogate, which is no character.") from None
    if "\0" in text:
        raise Unfit("It has a null character.")
