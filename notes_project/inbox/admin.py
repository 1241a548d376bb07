from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from inbox.event_stream import event_stream
from inbox.messages import TYPES
from inbox.models import DeadLetter, DeadLetterQuerySet, EventLog, Outcome
from inbox.replay import replay
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
    list_filter = ("outcome", TypeFilter)
    search_fields = ("=user_id",)
    ordering = ("-id",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.live)
        return [path("live/", view, name="inbox_eventlog_live"), *super().get_urls()]

    def live(self, request: HttpRequest) -> HttpResponse:
        return event_stream(request, self)

    @admin.display(description="place")
    def place(self, event: EventLog) -> str:
        return f"{event.topic}[{event.partition}]@{event.offset}"


class ResolutionForm(ActionForm):
    reason = forms.CharField(label="Why (to discard):", required=False)


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin[DeadLetter]):
    list_display = ("place", "reason", "created_at", "resolution")
    list_filter = (("resolution", admin.EmptyFieldListFilter), "resolution")
    ordering = ("-id",)
    fields = (
        *("place", "reason", "key_text", "value_text", "value_hex", "headers", "created_at"),
        *("resolution", "resolution_note", "resolved_at"),
    )
    actions = ("replay", "discard")
    action_form = ResolutionForm

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.action(description="Replay the selected dead letters", permissions=["resolve"])
    def replay(self, request: HttpRequest, queryset: DeadLetterQuerySet) -> None:
        """In the order they came, as the command does."""
        letters = queryset.open().order_by("id")
        records = [record for letter in letters if (record := replay(letter))]
        failed = [record for record in records if record.outcome is Outcome.DEAD]
        for record in failed:
            place = f"{record.message.topic}[{record.message.partition}]@{record.message.offset}"
            self.message_user(request, f"{place}: {record.reason}", messages.ERROR)
        done = len(records) - len(failed)
        self.message_user(request, f"Replayed: {done}.", messages.SUCCESS)

    @admin.action(description="Discard the selected dead letters", permissions=["resolve"])
    def discard(self, request: HttpRequest, queryset: DeadLetterQuerySet) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, "Say why, for who reads it later.", messages.ERROR)
            return
        self.message_user(request, f"Discarded: {queryset.discard(reason)}.", messages.SUCCESS)

    @admin.display(description="place")
    def place(self, letter: DeadLetter) -> str:
        return f"{letter.topic}[{letter.partition}]@{letter.offset}"

    @admin.display(description="key")
    def key_text(self, letter: DeadLetter) -> str:
        return _readable(letter.key)

    @admin.display(description="value as text")
    def value_text(self, letter: DeadLetter) -> str:
        return _readable(letter.value)

    @admin.display(description="value as bytes")
    def value_hex(self, letter: DeadLetter) -> str:
        return "null" if letter.value is None else bytes(letter.value[:4096]).hex(" ")


def _readable(value: bytes | memoryview | None) -> str:
    return "null" if value is None else bytes(value[:4096]).decode(errors="replace")
