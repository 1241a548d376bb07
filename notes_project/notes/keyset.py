"""Keyset pages: the rows before or after a position, found by the index and not by counting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Func, Value
from django.db.models.lookups import GreaterThan, LessThan

M = TypeVar("M", bound=models.Model)


class _Row(Func):
    """A row constructor: PostgreSQL compares rows field by field, and an index serves it."""

    function = ""
    output_field = models.BooleanField()


class KeysetQuerySet(models.QuerySet[M]):
    """``keyset`` names the fields that order the list; together they are unique."""

    keyset: ClassVar[tuple[str, ...]]
    descending: ClassVar[bool] = False

    def page_after(self, position: Sequence[Any] | None) -> Self:
        """The rows after a position in the list's order; None is the start."""
        return self._page(position, self.descending)

    def page_before(self, position: Sequence[Any] | None) -> Self:
        """The rows before a position, the nearest first; None is the end."""
        return self._page(position, not self.descending)

    def _page(self, position: Sequence[Any] | None, falling: bool) -> Self:
        page = self.order_by(*(f"-{name}" if falling else name for name in self.keyset))
        if position is None:
            return page
        compare = LessThan if falling else GreaterThan
        values = (Value(value) for value in position)
        return page.filter(compare(_Row(*self.keyset), _Row(*values)))

    def summaries(self) -> list[dict[str, Any]]:
        """What a list shows of each row; has the keyset's fields among its keys."""
        raise NotImplementedError
