from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from config.paginator import CappedPaginator
from users.models import User

M = TypeVar("M", bound=models.Model)

# What a member of staff may do is in the access token: groups would do nothing.
admin.site.unregister(Group)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Rows that change by events and tokens alone."""

    paginator = CappedPaginator
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ReadOnlyAdmin[User]):
    list_display = ("username", "id", "is_active", "version", "created_at")
    list_filter = ("is_active", "created_at")
    search_fields = ("username", "=id")
    ordering = ("username",)
