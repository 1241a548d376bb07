"""All that is kept about a user. The notes service has its own export."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Case, CharField, Q, Value, When
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import PendingAddress, Session, User
from audit import trail
from audit.models import Entry, Event


class ExportedUserSerializer(serializers.ModelSerializer[User]):
    """Without the password's hash, which is of use to those alone who attack it."""

    groups: Any = serializers.SlugRelatedField(many=True, read_only=True, slug_field="name")
    rights = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            *("id", "email", "username", "created_at", "updated_at", "last_login", "version"),
            *("is_active", "is_staff", "is_superuser", "tokens_valid_after", "groups", "rights"),
        ]
        read_only_fields = fields

    def get_rights(self, user: User) -> list[str]:
        return [str(right) for right in user.user_permissions.all()]


class ExportedSessionSerializer(serializers.ModelSerializer[Session]):
    """Without the hashes of its refresh tokens."""

    renewed_at = serializers.ListField(
        child=serializers.DateTimeField(), help_text="When refresh tokens were used."
    )

    class Meta:
        model = Session
        fields = [
            *("id", "created_at", "last_used_at", "expires_at", "ended_at", "user_agent"),
            "renewed_at",
        ]
        read_only_fields = fields


class PendingAddressSerializer(serializers.ModelSerializer[PendingAddress]):
    class Meta:
        model = PendingAddress
        fields = ["email", "created_at"]
        read_only_fields = fields


class AdminActionSerializer(serializers.ModelSerializer[LogEntry]):
    action = serializers.CharField(source="get_change_message")
    object = serializers.CharField(source="object_repr")

    class Meta:
        model = LogEntry
        fields = ["action_time", "object", "action"]
        read_only_fields = fields


class AuditEntrySerializer(serializers.ModelSerializer[Entry]):
    by = serializers.CharField(
        allow_null=True,
        help_text="`you` or `staff`, who was signed in; null for a mail's link and the like.",
    )

    class Meta:
        model = Entry
        fields = ["at", "event", "user_id", "by", "session_id", "request_id"]
        read_only_fields = fields


class ExportSerializer(serializers.Serializer[Any]):
    user = ExportedUserSerializer()
    unconfirmed_addresses = PendingAddressSerializer(many=True)
    sessions = ExportedSessionSerializer(many=True)
    admin_actions = AdminActionSerializer(many=True)
    audit_log = AuditEntrySerializer(many=True)


@method_decorator(cache_control(no_store=True), name="dispatch")
class Export(APIView):
    @extend_schema(
        operation_id="export_me", summary="All that is kept about you", responses=ExportSerializer
    )
    def get(self, request: Request) -> Response:
        user = signed_in(request)[0]
        trail.record(Event.EXPORTED, user.pk)
        return Response(ExportSerializer(everything(user)).data)


def everything(user: User) -> dict[str, Any]:
    """What ``ExportSerializer`` takes: a further table about users is one more member there."""
    renewals = ArrayAgg(
        "refresh_tokens__used_at",
        filter=Q(refresh_tokens__used_at__isnull=False),
        order_by="refresh_tokens__used_at",
        default=[],
    )
    by = Case(
        When(actor=user, then=Value("you")),
        When(actor__isnull=False, then=Value("staff")),
        output_field=CharField(),
    )
    return {
        "user": user,
        "unconfirmed_addresses": PendingAddress.objects.filter(user=user),
        "sessions": user.sessions.annotate(renewed_at=renewals).order_by("created_at", "id"),
        "admin_actions": LogEntry.objects.filter(user=user).order_by("action_time", "id"),
        "audit_log": Entry.objects.about([user.pk]).annotate(by=by).order_by("id"),
    }
