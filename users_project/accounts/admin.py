from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import addresses
from accounts.models import PendingAddress, Session, User, UserQuerySet
from accounts.refusals import Taken
from config.admin_lists import CappedAdmin, CappedPaginator, FoundById
from outbox.models import OutboxEvent

# The oldest rows of the outbox are looked at; where there are more, NULL is for who is not in them.
_LEFT_OUTBOX = """
CASE WHEN users.id::text IN (SELECT aggregateid FROM outbox ORDER BY position LIMIT %s) THEN false
    WHEN EXISTS (SELECT FROM outbox OFFSET %s) THEN NULL ELSE true END
"""
# Of one user's rows in the outbox, on the user's page.
MOST_ROWS = 20

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class SessionInline(admin.TabularInline[Session, User]):
    model = Session
    fields = readonly_fields = (
        "id",
        "created_at",
        "last_used_at",
        "expires_at",
        "ended_at",
        "user_agent",
    )
    ordering = ("-last_used_at",)
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PendingAddressInline(admin.TabularInline[PendingAddress, User]):
    model = PendingAddress
    fields = readonly_fields = ("email", "created_at")
    verbose_name = "next address, to be confirmed"
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PendingAddress)
class RegistrationAdmin(CappedAdmin[PendingAddress]):
    """Who registers, and has not confirmed the address yet: a mail may not arrive."""

    fields = readonly_fields = list_display = ("username", "email", "created_at")
    search_fields = ("username", "email")
    ordering = ("-created_at",)
    actions = ("confirm",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PendingAddress]:
        return PendingAddress.objects.live().filter(user=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        """It makes a user."""
        return isinstance(request.user, User) and request.user.has_perm("accounts.add_user")

    @admin.action(permissions=["confirm"], description="Confirm the address: it makes a user")
    def confirm(self, request: HttpRequest, queryset: QuerySet[PendingAddress]) -> None:
        count = 0
        for pending in queryset:
            try:
                count += addresses.accept(pending.pk)
            except Taken as error:
                text = f"Not {pending.username}: {error.text}"
                self.message_user(request, text, messages.ERROR)
        self.message_user(request, f"Confirmed: {count}.", messages.SUCCESS)


@admin.register(User)
class UserAdmin(FoundById[User], CappedAdmin[User], DjangoUserAdmin[User]):
    """Rights, and accounts of the staff, are for superusers: whoever sets the password of another
    one has what that one may."""

    list_display = ("username", "email", "is_active", "is_staff", "created_at", "left_outbox")
    list_filter = ("is_active", "is_staff", "is_superuser", "created_at")
    search_fields = ("username", "email")
    search_help_text = "Parts of a username or e-mail address, or an id"
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    # A plain form: Django's shows the first characters of the hash.
    form = forms.ModelForm[User]
    readonly_fields = (
        "id",
        "change_password",
        "last_login",
        "tokens_valid_after",
        "version",
        "outbox",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (None, {"fields": ("id", "username", "email", "change_password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("More rights", {"fields": ("user_permissions",), "classes": ("collapse",)}),
        (
            "Kept by the database",
            {
                "fields": (
                    "version",
                    "outbox",
                    "created_at",
                    "updated_at",
                    "tokens_valid_after",
                    "last_login",
                )
            },
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "usable_password", "password1", "password2")}),
    )
    inlines = (PendingAddressInline, SessionInline)
    actions = ("deactivate", "sign_out_everywhere")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "accounts_user_changelist":
            most = CappedPaginator.CAP
            left = RawSQL(_LEFT_OUTBOX, (most, most), models.BooleanField(null=True))  # noqa: S611
            return users.annotate(left_outbox=left)
        return users

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user_permissions":  # Each is named with its content type.
            options["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **options)

    @admin.display(description="left the outbox", boolean=True)
    def left_outbox(self, user: Any) -> bool | None:
        """Whether no event of the user waits there."""
        left: bool | None = user.left_outbox
        return left

    @admin.display(description="in the outbox")
    def outbox(self, user: User) -> str:
        rows = OutboxEvent.objects.pending().filter(aggregateid=str(user.pk))[:MOST_ROWS]
        shown = (
            (reverse("admin:outbox_outboxevent_change", args=[row.pk]), row.type, row.created_at)
            for row in rows
        )
        return format_html_join("", '<p><a href="{}">{}</a>, {}</p>', shown) or "Nothing waits."

    @admin.display(description="password")
    def change_password(self, user: User) -> SafeString:
        address = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">Set another one</a>', address)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if _may_all(request) else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_change(request, obj)

    def get_inlines(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Writes what the form changed, and nothing that somebody else has changed meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changes = {
            name: form.cleaned_data[name]
            for name in form.changed_data
            if not obj._meta.get_field(name).many_to_many
        }
        User.objects.filter(pk=obj.pk).update(**changes)

    @admin.action(permissions=["change"], description="Deactivate, and sign out everywhere")
    def deactivate(self, request: HttpRequest, queryset: UserQuerySet) -> None:
        others = _changeable(request, queryset).exclude(pk=str(request.user.pk))
        count = others.count()
        others.update(is_active=False)
        self.message_user(request, f"Deactivated: {count}.", messages.SUCCESS)

    @admin.action(permissions=["change"], description="Sign out everywhere")
    def sign_out_everywhere(self, request: HttpRequest, queryset: UserQuerySet) -> None:
        changeable = _changeable(request, queryset)
        count = changeable.count()
        changeable.sign_out()
        self.message_user(request, f"Signed out: {count}.", messages.SUCCESS)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """What a group may its members may: so it is for superusers, and others of the staff look."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may_all(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_all(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_all(request)


def _may_all(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _may_change(request: HttpRequest, user: User | None) -> bool:
    return user is None or _may_all(request) or not (user.is_staff or user.is_superuser)


def _changeable(request: HttpRequest, users: UserQuerySet) -> UserQuerySet:
    return users if _may_all(request) else users.filter(is_staff=False, is_superuser=False)
