"""Notes that an earlier import has made of less, such as one part of an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models.expressions import RawSQL

from notes.etags import Conditions, PreconditionFailed, entity_tag
from notes.models import Note, NoteVersion
from notes.shape import NOTE
from notes.write import change_note, trash_note
from transfer.destinations import Destinations
from transfer.drafts import Draft
from transfer.report import CHANGED, COMPLETED, UNCHANGED
from users.models import User

_MAX_STEPS = 10
_SET_TIME = "SELECT set_config('notes.updated_at', %s, true)"


class _Here(NamedTuple):
    """A note as it is: what the API shows of it, and a condition that it is still so."""

    version: int
    shown: dict[str, Any]
    unchanged: Conditions

    @property
    def text(self) -> str:
        return self.shown["content"] or ""

    @property
    def facts(self) -> tuple[Any, ...]:
        names = ("title", "content_format", "is_archived", "tags")
        return tuple(self.shown[name] for name in names)


def complete(user: User, draft: Draft, destinations: Destinations, *, dry_run: bool) -> str:
    """Gives a note that nobody has changed what its item has more of.

    Returns what became of it: CHANGED where it is otherwise for another reason.
    """
    here = _read(user, draft.id) if draft.relink else None
    fields = here and _completed(user, draft, here, destinations)
    if not here or fields is None:
        return CHANGED
    if all(here.shown[name] == value for name, value in fields.items()):
        return UNCHANGED
    if not dry_run:
        try:
            with _at_its_time(draft):
                changed = change_note(user, draft.id, fields, here.unchanged)
            if changed is None:
                return CHANGED
        except PreconditionFailed:
            return CHANGED
    return COMPLETED


def discard(user: User, draft: Draft, destinations: Destinations, *, dry_run: bool) -> bool:
    """Moves a note that is another one now to the trash; False where somebody has changed it."""
    here = _read(user, draft.id)
    if here is None or not _is_same(draft, here, destinations):
        return False
    try:
        return dry_run or trash_note(user, draft.id, here.unchanged)
    except PreconditionFailed:
        return False


@contextmanager
def _at_its_time(draft: Draft) -> Iterator[None]:
    """One transaction, whose changes leave ``updated_at`` as it is brought (migration 0016)."""
    time = draft.updated_at or draft.created_at
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SET_TIME, [time.isoformat() if time else ""])
        yield
        cursor.execute(_SET_TIME, [""])


def _read(user: User, note_id: UUID) -> _Here | None:
    note = Note.objects.owned_by(user).filter(pk=note_id)
    row = note.values_list("version", RawSQL(NOTE, ())).first()  # noqa: S611 - a constant
    if row is None:
        return None
    version, shown = row
    tag = entity_tag(shown.encode())
    return _Here(version, orjson.loads(shown), Conditions(if_match=frozenset((tag,))))


def _completed(
    user: User, draft: Draft, here: _Here, destinations: Destinations
) -> dict[str, Any] | None:
    """What it should have; None where somebody has changed it, or that cannot be told."""
    if _is_same(draft, here, destinations):
        return {"content": _linked(draft, here.text, destinations) or None}
    if any(_is_same(earlier, here, destinations) for earlier in draft.earlier):
        return {"title": draft.title, "content": draft.content, "tags": draft.tags}
    # A list of pages may have become longer.
    text = _linked(draft, here.text, destinations)
    if (
        here.facts == _facts(draft)
        and _has_grown(text, draft.content or "")
        and _has_only_grown(user, draft, here, destinations)
    ):
        return {"content": draft.content}
    return None


def _is_same(draft: Draft, here: _Here, destinations: Destinations) -> bool:
    """But for which of its links lead somewhere."""
    return here.facts == _facts(draft) and _canonical(draft, here.text, destinations) == _canonical(
        draft, draft.content or "", destinations
    )


def _has_only_grown(user: User, draft: Draft, here: _Here, destinations: Destinations) -> bool:
    """Whether imports alone may have made of it what it is: nothing of it was ever removed."""
    if here.version > _MAX_STEPS:
        return False
    former = NoteVersion.objects.of_note(str(draft.id), user).order_by("number")
    texts = [text or "" for text in former.values_list("content", flat=True)]
    states = [_canonical(draft, text, destinations) for text in (*texts, here.text)]
    return len(states) == here.version and all(_has_grown(*pair) for pair in pairwise(states))


def _has_grown(before: str, after: str) -> bool:
    """Whether all of its lines are there in their order."""
    lines = (line.rstrip() for line in after.splitlines())
    return all(line.rstrip() in lines for line in before.splitlines())


def _facts(draft: Draft) -> tuple[Any, ...]:
    return draft.title, draft.content_format, draft.is_archived, draft.tags


def _linked(draft: Draft, text: str, destinations: Destinations) -> str:
    """With the links that lead somewhere now."""
    text = destinations.renewed(text)
    return draft.relink(text, destinations.address) if draft.relink else text


def _canonical(draft: Draft, text: str, destinations: Destinations) -> str:
    """With all links that could lead somewhere."""
    text = destinations.renewed(text)
    return draft.relink(text, destinations.any_address) if draft.relink else text
