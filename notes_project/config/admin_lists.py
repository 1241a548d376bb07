"""How far the admin's lists count, and their actions reach."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

M = TypeVar("M", bound=models.Model)


class CappedPaginator(Paginator[Any]):
    """Counts no further than a person pages; the search finds the rest."""

    CAP = 10_000

    @cached_property
    def count(self) -> int:
        queryset: Any = self.object_list
        # In no order: which ones are counted is all the same.
        return int(queryset.order_by()[: self.CAP].count())


class CappedAdmin(admin.ModelAdmin[M]):
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count all there is

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *location: Any
    ) -> HttpResponse | None:
        """Nothing is done where more are selected than the list counts: that is the number that
        was shown. Raises ValidationError for a key that is none."""
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            self.opts.pk.to_python(key)
        most = CappedPaginator.CAP
        if request.POST.get("select_across", "0") != "0" and queryset[most:].exists():
            text = (
                f"More than {most:,} are selected, and nothing is done. Search or filter first;"
                " docs/operations.md says what else there is, under Many rows in the admin."
            )
            self.message_user(request, text, messages.ERROR)
            return None
        return super().response_action(request, queryset, *location)


class FoundById(admin.ModelAdmin[M]):
    """Of a search, an id is looked up by its key, with no look into `search_fields`."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
