"""A user's notes, page by page: one statement each, and none that reads more rows than a limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from django.db import connection

from notes.keyset import Page, Position
from notes.list_statements import BOUNDS, SCAN, Form, Order, page_statement, rows_statement


class Span(NamedTuple):
    """From ``after`` on, until just before ``before``."""

    after: datetime | None = None
    before: datetime | None = None


EVER = Span()


@dataclass(frozen=True)
class NoteList:
    """What is asked for.

    Args:
        archived: None for both, archived and not.
        tags: normalised names, in order.
        match_all: whether a note needs all of the tags.
    """

    user_id: UUID
    order: Order = "updated_at"
    descending: bool = True
    archived: bool | None = False
    tags: tuple[str, ...] = ()
    match_all: bool = True
    created: Span = EVER
    updated: Span = EVER

    def narrowed(self, **changes: Any) -> Self:
        return replace(self, **changes)

    @property
    def identity(self) -> str:
        """Also tells the lists of two users apart."""
        return repr(self)

    def page(self, position: Position | None, limit: int, *, backward: bool = False) -> Page:
        """The ``limit`` notes after a position, or before it; None is the start, or the end."""
        form = self._form(self.descending is not backward, goes_on=position is not None)
        values = {**self._values(), "more": limit + 1}
        if position is not None:
            values |= {"key": position[0], "id": position[1]}
        with connection.cursor() as cursor:
            cursor.execute(page_statement(form), values)
            rows = cursor.fetchall()
        return _page(rows, limit, backward)

    def conditions(self) -> list[str]:
        """What is asked of a row of notes, as SQL for the parameters of ``first_rows``."""
        found = ["notes.user_id = %(user)s", "notes.deleted_at IS NULL"]
        if self.archived is not None:
            found.append(f"notes.is_archived = {self.archived}")
        found += [f"notes.{BOUNDS[name]}" for name, _ in self._bounds()]
        if self.tags:
            found.append(f"notes.tag_names {'@>' if self.match_all else '&&'} %(tags)s::text[]")
        return found

    def first_rows(self, limit: int) -> tuple[str, dict[str, Any]]:
        """SQL with its parameters: the ids of the first notes, along an index.

        What no index knows is not asked: other tags than one, times that are not the order's.
        """
        form = self._form(self.descending, goes_on=False)
        order = f"ORDER BY key {'DESC, id DESC' if self.descending else 'ASC, id ASC'}"
        return rows_statement(form, order, "id", "%(first)s"), {**self._values(), "first": limit}

    def _form(self, falling: bool, *, goes_on: bool) -> Form:
        return Form(
            order=self.order,
            falling=falling,
            archived=self.archived,
            tags=self._tags_form(),
            spans=tuple(name for name, _ in self._bounds()),
            goes_on=goes_on,
        )

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {"user": self.user_id, "scan": SCAN, **dict(self._bounds())}
        if self.tags:
            values |= {"tag": self.tags[0], "tags": list(self.tags), "count": len(self.tags)}
        return values

    def _tags_form(self) -> Literal["none", "one", "all", "any"]:
        if len(self.tags) < 2:
            return "one" if self.tags else "none"
        return "all" if self.match_all else "any"

    def _bounds(self) -> Iterator[tuple[str, datetime]]:
        for name, span in (("created", self.created), ("updated", self.updated)):
            for end, time in span._asdict().items():
                if time is not None:
                    yield f"{name}_{end}", time


def _page(rows: list[tuple[str | None, str, str]], limit: int, backward: bool) -> Page:
    # A row without a note says how far the statement has looked.
    stopped = rows.pop() if rows and rows[-1][0] is None else None
    more = len(rows) > limit or stopped is not None
    ends = [row[1:] for row in rows[:limit]] + ([stopped[1:]] if stopped else [])
    notes = [row[0] or "" for row in rows[:limit]]
    if backward:
        ends.reverse()
        notes.reverse()
    shown = f"[{','.join(notes)}]".encode()
    return Page(shown, ends[0] if ends else None, ends[-1] if ends else None, more)
