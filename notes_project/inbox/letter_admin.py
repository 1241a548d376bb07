"""Dead letters in the admin: read, replayed, discarded."""

from __future__ import annotations

import json
import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from config import strict_json
from inbox.messages import InvalidMessage, parse
from inbox.models import DeadLetter, DeadLetterQuerySet, Outcome
from inbox.replay import replay
from users.admin import ReadOnlyAdmin

# Seconds that replaying goes on before it says what is left; the gateway waits for thirty.
LONGEST = 18.0
# Of those that still fail, so many are named.
MOST_NAMED = 5
# Bytes and characters that a page shows of a message, which may have a megabyte.
MOST_SHOWN = 4096


class ResolutionForm(ActionForm):
    reason = forms.CharField(label="Why (to discard):", required=False)


class ResolutionFilter(admin.SimpleListFilter):
    title = parameter_name = "resolution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), *DeadLetter.Resolution.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter]
    ) -> QuerySet[DeadLetter]:
        value = self.value()
        return queryset.filter(resolution=None if value == "open" else value) if value else queryset


class DeadLetterAdmin(ReadOnlyAdmin[DeadLetter]):
    list_display = ("place", "reason", "created_at", "resolution")
    list_filter = (ResolutionFilter,)
    ordering = ("-id",)
    fields = (
        *("place", "reason", "verdict", "created_at", "key_text", "headers_text"),
        ("decoded", "value_hex"),
        *("value_text", "resolution", "resolution_note", "resolved_at"),
    )
    actions = ("replay", "discard")
    action_form = ResolutionForm

    def get_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> Any:
        """Without what a replay would do, where none can be."""
        closed = obj and obj.resolution
        return [field for field in self.fields if field != "verdict" or not closed]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        letters = super().get_queryset(request)
        # The list shows no message, which may have a megabyte each.
        match = request.resolver_match
        if match and match.url_name == "inbox_deadletter_changelist":
            return letters.defer("key", "value", "headers")
        return letters

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.action(description="Replay the selected dead letters", permissions=["resolve"])
    def replay(self, request: HttpRequest, queryset: DeadLetterQuerySet) -> None:
        """In the order they came, as the command does."""
        end = time.monotonic() + LONGEST
        done, failed = 0, []
        keys = list(queryset.open().order_by("id").values_list("pk", flat=True))
        for number, key in enumerate(keys):
            if time.monotonic() > end:
                text = f"Not tried yet: {len(keys) - number}. Replay again, and it goes on."
                self.message_user(request, text, messages.WARNING)
                break
            letter = DeadLetter.objects.get(pk=key)
            record = replay(letter)
            if record is None:
                continue
            if record.outcome is Outcome.DEAD:
                failed.append(f"{self.place(letter)}: {record.reason}")
                continue
            self.log_change(request, letter, f"Replayed: {record.outcome}.")
            done += 1
        for text in failed[:MOST_NAMED]:
            self.message_user(request, text, messages.ERROR)
        if failed[MOST_NAMED:]:
            text = f"More that still fail: {len(failed) - MOST_NAMED}."
            self.message_user(request, text, messages.ERROR)
        self.message_user(request, f"Replayed: {done}.", messages.SUCCESS)

    @admin.action(description="Discard the selected dead letters", permissions=["resolve"])
    def discard(self, request: HttpRequest, queryset: DeadLetterQuerySet) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, "Say why, for who reads it later.", messages.ERROR)
            return
        letters = list(queryset.open())
        LogEntry.objects.log_actions(str(request.user.pk), letters, CHANGE, f"Discarded: {reason}")
        self.message_user(request, f"Discarded: {queryset.discard(reason)}.", messages.SUCCESS)

    @admin.display(description="place")
    def place(self, letter: DeadLetter) -> str:
        return f"{letter.topic}[{letter.partition}]@{letter.offset}"

    @admin.display(description="if replayed")
    def verdict(self, letter: DeadLetter) -> str:
        try:
            parse(letter.message())
        except InvalidMessage as error:
            return f"It still fails: {error}."
        return "It can be read now."

    @admin.display(description="key")
    def key_text(self, letter: DeadLetter) -> str:
        return _readable(letter.key)

    @admin.display(description="headers")
    def headers_text(self, letter: DeadLetter) -> str:
        return "\n".join(f"{name}: {_readable(value)}" for name, value in letter.message().headers)

    @admin.display(description="value decoded")
    def decoded(self, letter: DeadLetter) -> str:
        if letter.value is None:
            return "null"
        try:
            value = strict_json.loads(bytes(letter.value).decode())
        except ValueError as error:
            return f"Not JSON: {error}"
        text = json.dumps(value, indent=2, ensure_ascii=False)[:MOST_SHOWN]
        # A lone surrogate is no UTF-8.
        return format_html("<pre>{}</pre>", text.encode(errors="backslashreplace").decode())

    @admin.display(description="value as text")
    def value_text(self, letter: DeadLetter) -> str:
        return _readable(letter.value)

    @admin.display(description="value as bytes")
    def value_hex(self, letter: DeadLetter) -> str:
        return "null" if letter.value is None else bytes(letter.value[:MOST_SHOWN]).hex(" ")


def _readable(value: bytes | memoryview | None) -> str:
    return "null" if value is None else bytes(value[:MOST_SHOWN]).decode(errors="replace")
