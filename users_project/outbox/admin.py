from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.admin_lists import CappedAdmin
from outbox.models import OutboxEvent


@admin.register(OutboxEvent)
class OutboxEventAdmin(CappedAdmin[OutboxEvent]):
    """What has not left for Kafka yet. Triggers write it and the relay empties it, nobody else."""

    list_display = ("position", "type", "aggregateid", "created_at")
    search_fields = ("=aggregateid",)
    ordering = ("position",)
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
