"""How far the admin's lists count."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator


class CappedPaginator(Paginator[Any]):
    """Counts no further than a person pages; the search finds the rest."""

    CAP = 10_000

    @cached_property
    def count(self) -> int:
        queryset: Any = self.object_list
        return int(queryset[: self.CAP].count())
