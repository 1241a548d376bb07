"""All that is kept about a user. The notes service has its own export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
from django.contrib.admin.models import LogEntry
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import PendingAddress, Session, User
from attempts.models import add, counted, key_of
from audit import trail
from audit.models import Entry, Event
from config.renderers import JSONRenderer

EXPORTS, TIME = 20, timedelta(hours=1)
"""Of an account."""
ROWS = 1000
"""How many are read at once, and at most of each list for a page, which is made in memory."""


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


class FewExports(BaseThrottle):
    """So many in an hour, counted by account: one reads all there is, and adds to it."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = key_of("export", str(request.user.pk))
        made, self.seconds = counted([key]).get(key, (0, 0.0))
        if made < EXPORTS:
            add(key, TIME)
        return made < EXPORTS

    def wait(self) -> float:
        return self.seconds


@method_decorator(cache_control(no_store=True), name="dispatch")
class Export(APIView):
    """A page shows the first 1000 of each list; `?format=json` gives all."""

    throttle_classes = [*APIView.throttle_classes, FewExports]

    @extend_schema(
        operation_id="export_me", summary="All that is kept about you", responses=ExportSerializer
    )
    def get(self, request: Request) -> HttpResponseBase:
        user = signed_in(request)[0]
        trail.record(Event.EXPORTED, user.pk)
        if isinstance(request.accepted_renderer, BrowsableAPIRenderer):
            return Response(orjson.loads(b"".join(written(user, ROWS))))
        return StreamingHttpResponse(written(user), content_type=JSONRenderer.media_type)


def written(user: User, at_most: int | None = None) -> Iterator[bytes]:
    """What `ExportSerializer` describes, in pieces. Lists are read as they are written.

    Args: at_most: how many of each list.
    """
    shapes = ExportSerializer().fields
    yield b'{"user":' + _json(ExportedUserSerializer(user).data)
    for name, rows in everything(user).items():
        yield b',"%s":[' % name.encode()
        left, before = rows[:at_most].iterator(ROWS), b""
        while some := list(islice(left, ROWS)):
            yield before + _json(shapes[name].to_representation(some))[1:-1]
            before = b","
        yield b"]"
    yield b"}"


def _json(value: Any) -> bytes:
    rendered: bytes = JSONRenderer().render(value)
    return rendered


def everything(user: User) -> dict[str, QuerySet[Any]]:
    """The lists of ``ExportSerializer`` by name: a further table about users is one more there."""
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
        "unconfirmed_addresses": PendingAddress.objects.filter(user=user),
        "sessions": user.sessions.annotate(renewed_at=renewals).order_by("created_at", "id"),
        "admin_actions": LogEntry.objects.filter(user=user).order_by("action_time", "id"),
        "audit_log": Entry.objects.about([user.pk]).annotate(by=by).order_by("id"),
    }
