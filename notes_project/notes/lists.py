"""A user's notes, page by page: one statement each, and none that reads more rows than a limit.

The statements are written here and not by the ORM, which takes longer to write one than PostgreSQL
to run it. They read an index in the order of the list, from the cursor on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from django.db import connection

from notes.keyset import Page, Position
from notes.shape import SUMMARY

Order = Literal["updated_at", "created_at", "title"]

SCAN = 2_000
"""How many notes a page looks at, at most, where no index knows which of them it wants. A page that
reaches this has fewer notes than it may have, and the next one goes on from there."""

# What the lists are ordered by, in notes and in note_tags, and its type.
KEYS = {
    "updated_at": ("updated_at", "updated_at", "timestamptz"),
    "created_at": ("created_at", "created_at", "timestamptz"),
    "title": ('lower(title) COLLATE "C"', "title_key", "text"),
}


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
            cursor.execute(_statement(form), values)
            rows = cursor.fetchall()
        return _page(rows, limit, backward)

    def conditions(self) -> list[str]:
        """What is asked of a row of notes, as SQL for the parameters of ``first_rows``."""
        found = ["notes.user_id = %(user)s", "notes.deleted_at IS NULL"]
        if self.archived is not None:
            found.append(f"notes.is_archived = {self.archived}")
        found += [f"notes.{_BOUNDS[name]}" for name, _ in self._bounds()]
        if self.tags:
            found.append(f"notes.tag_names {'@>' if self.match_all else '&&'} %(tags)s::text[]")
        return found

    def first_rows(self, limit: int) -> tuple[str, dict[str, Any]]:
        """SQL with its parameters: the ids of the first notes, along an index.

        What no index knows is not asked: other tags than one, times that are not the order's.
        """
        form = self._form(self.descending, goes_on=False)
        order = f"ORDER BY key {'DESC, id DESC' if self.descending else 'ASC, id ASC'}"
        return _rows(form, order, "id", "%(first)s"), {**self._values(), "first": limit}

    def _form(self, falling: bool, *, goes_on: bool) -> _Form:
        return _Form(
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


class _Form(NamedTuple):
    """All that the text of a statement depends on; the rest are its parameters.

    Args:
        falling: the way in which the statement goes.
        spans: the names of the parameters that bound times.
        goes_on: whether there is a position.
    """

    order: Order
    falling: bool
    archived: bool | None
    tags: Literal["none", "one", "all", "any"]
    spans: tuple[str, ...]
    goes_on: bool


_BOUNDS = {
    "created_after": "created_at >= %(created_after)s",
    "created_before": "created_at < %(created_before)s",
    "updated_after": "updated_at >= %(updated_after)s",
    "updated_before": "updated_at < %(updated_before)s",
}
# Always true; `notes_dear` is never called. The planner reckons with its cost, beside which any way
# to the rows costs the same, and takes the one that has its first row at once: an index in the
# order of the list. Without it, while the statistics do not know that a user has very many notes,
# all are fetched and sorted.
IN_ORDER = "CASE WHEN user_id = %(user)s THEN true ELSE notes_dear() END"
_HAS_ALL_TAGS = "(SELECT tag_names FROM notes WHERE id = looked_at.id) @> %(tags)s::text[]"
_TAG = {
    "one": "(SELECT tags.id FROM tags WHERE name = %(tag)s)",
    "any": "tags.id",
    # The one that fewest notes have; none where one of them does not exist.
    "all": f"""(
        SELECT CASE WHEN count(*) = %(count)s THEN (array_agg(tags.id ORDER BY uses))[1] END
        FROM tags, LATERAL (
            SELECT count(*) AS uses FROM (
                SELECT FROM note_tags AS links
                WHERE links.user_id = %(user)s AND links.tag_id = tags.id AND {IN_ORDER}
                ORDER BY is_archived, updated_at, note_id LIMIT %(scan)s
            ) AS few
        ) AS used WHERE name = ANY(%(tags)s)
    )""",  # noqa: S608
}
# The rows are named twice, not once as a CTE: so the planner knows that they come in order.
_FILTERED = """
WITH found AS MATERIALIZED (
    SELECT key, id FROM ({rows}) AS looked_at WHERE {conditions} {order} LIMIT %(more)s
), page AS (
    SELECT {note} AS note, key, id FROM found JOIN notes USING (id)
    UNION ALL (
        SELECT NULL, key, id FROM ({rows}) AS looked_at
        WHERE (SELECT count(*) FROM found) < %(more)s {order} OFFSET %(scan)s - 1
    )
)
SELECT note, key::text AS last_key, id::text AS last_id FROM page {order}, note IS NULL
"""


@cache
def _statement(form: _Form) -> str:
    way = "DESC" if form.falling else "ASC"
    order = f"ORDER BY key {way}, id {way}"
    # What no index of the list knows.
    conditions = [_BOUNDS[name] for name in form.spans if not _is_of_key(name, form)]
    if form.tags == "all":
        conditions.append(_HAS_ALL_TAGS)
    if conditions:
        return _FILTERED.format(
            note=SUMMARY,
            rows=_rows(form, order, "id, created_at, updated_at", "%(scan)s"),
            conditions=" AND ".join(conditions),
            order=order,
        )
    if form.tags == "none":
        source = f"({_rows(form, order, 'notes.*', '%(more)s')}) AS notes"
    else:
        source = f"({_rows(form, order, 'id', '%(more)s')}) AS page JOIN notes USING (id)"
    columns = f"{SUMMARY}, key::text AS last_key, id::text AS last_id"
    return f"SELECT {columns} FROM {source} {order}"  # noqa: S608


def _rows(form: _Form, order: str, columns: str, limit: str) -> str:
    """The rows from the position on, along an index."""
    of_notes, of_links, kind = KEYS[form.order]
    key = of_notes if form.tags == "none" else of_links
    conditions = ["user_id = %(user)s", IN_ORDER]
    conditions.append(
        f"is_archived = {'shelf.archived' if form.archived is None else form.archived}"
    )
    conditions += [_BOUNDS[name] for name in form.spans if _is_of_key(name, form)]
    if form.goes_on:
        compare = "<" if form.falling else ">"
        conditions.append(f"({key}, id) {compare} (%(key)s::{kind}, %(id)s::uuid)")
    if form.tags == "none":
        table = "notes"
        conditions.append("deleted_at IS NULL")
    else:
        table = "(SELECT note_id AS id, * FROM note_tags) AS links"
        conditions.append(f"tag_id = {_TAG[form.tags]}")
    rows = (
        f"SELECT {columns}, {key} AS key FROM {table}"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} {order} LIMIT {limit}"
    )
    parts = {"(VALUES (false), (true)) AS shelf (archived)": form.archived is None}
    parts["(SELECT id FROM tags WHERE name = ANY(%(tags)s)) AS tags"] = form.tags == "any"
    several = [part for part, needed in parts.items() if needed]
    if not several:
        return rows
    # A note with two of the tags is found twice.
    distinct = "DISTINCT" if form.tags == "any" else ""
    return (
        f"SELECT {distinct} part.* FROM {', '.join(several)}, LATERAL ({rows}) AS part"  # noqa: S608
        f" {order} LIMIT {limit}"
    )


def _is_of_key(bound: str, form: _Form) -> bool:
    return f"{bound.partition('_')[0]}_at" == form.order
