from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import User
from audit.models import Entry, EntryQuerySet
from config.admin_lists import CappedAdmin


@admin.register(Entry)
class EntryAdmin(CappedAdmin[Entry]):
    list_display = fields = ("at", "event", "account", "by", "session_id", "request_id")
    list_filter = ("event", "at")
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("user",)  # that there is a box; ``get_search_results`` says what it finds
    search_help_text = "A username, e-mail address or id, for what was done to it and by it"

    def get_queryset(self, request: HttpRequest) -> EntryQuerySet:
        return Entry.objects.select_related("user", "actor")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[EntryQuerySet, bool]:
        if search_term:
            queryset = queryset.about(_ids_of(search_term.strip()))
        return queryset, False

    @admin.display(description="account")
    def account(self, entry: Entry) -> str | UUID | None:
        return entry.user.username if entry.user else entry.user_id

    @admin.display(description="by")
    def by(self, entry: Entry) -> str | UUID | None:
        return entry.actor.username if entry.actor else entry.actor_id

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _ids_of(term: str) -> list[UUID]:
    try:
        return [UUID(term)]  # who is deleted has nothing else
    except ValueError:
        found = User.objects.with_email(term) if "@" in term else User.objects.with_username(term)
        return list(found.values_list("pk", flat=True))
