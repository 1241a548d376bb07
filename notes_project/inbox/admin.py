from __future__ import annotations

from django.contrib import admin

from inbox.models import DeadLetter, EventLog
from users.admin import ReadOnlyAdmin


@admin.register(EventLog)
class EventLogAdmin(ReadOnlyAdmin[EventLog]):
    list_display = ("place", "type", "user_id", "version", "outcome", "recorded_at")
    list_filter = ("outcome", "type")
    search_fields = ("=user_id",)
    ordering = ("-id",)

    @admin.display(description="place")
    def place(self, event: EventLog) -> str:
        return f"{event.topic}[{event.partition}]@{event.offset}"


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin[DeadLetter]):
    list_display = ("place", "reason", "created_at", "resolution")
    list_filter = ("resolution",)
    ordering = ("-id",)
    fields = ("place", "reason", "key_text", "value_text", "value_hex", "headers", "created_at")

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
