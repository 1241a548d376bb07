from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from users.models import User

# What a member of staff may do is in the access token: groups would do nothing.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """Read-only: shadow users change by events and tokens alone."""

    list_display = ("username", "id", "is_active", "version", "created_at")
    list_filter = ("is_active", "created_at")
    search_fields = ("username", "=id")
    ordering = ("username",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
