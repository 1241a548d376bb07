"""Keyset pages: the rows before or after a position, found by the index and not by counting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

from django.db import models
from django.db.models import Func, Value
from django.db.models.lookups import GreaterThan, LessThan

M = TypeVar("M", bound=models.Model)
Position = Sequence[Any]
"""The values of a row that order its list: after or before it a page lies."""


class Page(NamedTuple):
    """``rows`` as the API shows them, in the order of the list.

    Args:
        rows: a list of dictionaries, or JSON that the database made of one.
        first, last: where the page begins and ends; None where it has no row.
        more: whether the list goes on, in the direction that was asked for.
    """

    rows: Any
    first: Position | None
    last: Position | None
    more: bool


class _Row(Func):
    """A row constructor: PostgreSQL compares rows field by field, and an index serves it."""

    function = ""
    output_field = models.BooleanField()


class KeysetQuerySet(models.QuerySet[M]):
    """``keyset`` names the fields that order the list; together they are unique."""

    keyset: ClassVar[tuple[str, ...]]
    descending: ClassVar[bool] = False

    @property
    def identity(self) -> str:
        return f"{self.model._meta.db_table} {self.query}"

    def page(self, position: Position | None, limit: int, *, backward: bool = False) -> Page:
        """The ``limit`` rows after a position, or before it; None is the start, or the end."""
        falling = self.descending is not backward
        ordered = self.order_by(*(f"-{name}" if falling else name for name in self.keyset))
        if position is not None:
            compare = LessThan if falling else GreaterThan
            values = (Value(value) for value in position)
            ordered = ordered.filter(compare(_Row(*self.keyset), _Row(*values)))
        rows = ordered[: limit + 1].summaries()
        more = len(rows) > limit
        rows = rows[:limit]
        if backward:
            rows.reverse()
        ends = ([row[name] for name in self.keyset] for row in (rows[:1] + rows[-1:]))
        first, last = ends if rows else (None, None)
        return Page(rows, first, last, more)

    def summaries(self) -> list[dict[str, Any]]:
        """What a list shows of each row; has the keyset's fields among its keys."""
        raise NotImplementedError
