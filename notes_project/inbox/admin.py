from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from inbox.event_stream import event_stream
from inbox.letter_admin import DeadLetterAdmin
from inbox.messages import TYPES
from inbox.models import DeadLetter, EventLog
from users.admin import ReadOnlyAdmin


class TypeFilter(admin.SimpleListFilter):
    """By the types of the contract. To offer those in the log, Django would read all of it."""

    title = parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each, each) for each in sorted(TYPES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[EventLog]) -> QuerySet[EventLog]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(EventLog)
class EventLogAdmin(ReadOnlyAdmin[EventLog]):
    list_display = ("place", "type", "user_id", "version", "outcome", "recorded_at")
    list_filter = ("outcome", TypeFilter, "recorded_at")
    search_fields = ("user_id",)  # that there is a box; ``get_search_results`` says what it finds
    search_help_text = "The id of a user"
    ordering = ("-id",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.live)
        return [path("live/", view, name="inbox_eventlog_live"), *super().get_urls()]

    def live(self, request: HttpRequest) -> HttpResponse:
        return event_stream(request, self)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[EventLog], search_term: str
    ) -> tuple[QuerySet[EventLog], bool]:
        """By the whole id, as the index has it."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(user_id=UUID(term)), False
        except ValueError:
            self.message_user(request, "It is no id of a user.", messages.WARNING)
            return queryset.none(), False

    @admin.display(description="place")
    def place(self, event: EventLog) -> str:
        return f"{event.topic}[{event.partition}]@{event.offset}"


admin.site.register(DeadLetter, DeadLetterAdmin)
