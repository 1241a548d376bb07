from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from config.admin_lists import CappedAdmin, FoundById
from users.models import User

M = TypeVar("M", bound=models.Model)

# What a member of staff may do is in the access token: groups would do nothing.
admin.site.unregister(Group)


class ReadOnlyAdmin(CappedAdmin[M]):
    """Rows that change by events and tokens alone."""

    sortable_by = ()  # what `ordering` says is what an index has

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(FoundById[User], ReadOnlyAdmin[User]):
    list_display = ("username", "id", "is_active", "version", "created_at")
    fields = readonly_fields = (*list_display, "tokens_valid_after")
    list_filter = ("is_active", "created_at")
    search_fields = ("username",)
    search_help_text = "Parts of a username, or an id"
    # The only order that an index has: one more would have to be kept by every event.
    ordering = ("id",)
