"""Where somebody is signed in, and the end of it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import TokenAuthentication, signed_in
from accounts.models import Session, SessionQuerySet, User
from accounts.pagination import NewestFirst


class SessionSerializer(serializers.ModelSerializer[Session]):
    current = serializers.SerializerMethodField(help_text="Whether it is the one that asks.")

    class Meta:
        model = Session
        fields = ["id", "created_at", "last_used_at", "expires_at", "user_agent", "current"]
        read_only_fields = fields

    def get_current(self, session: Session) -> bool:
        return bool(str(session.pk) == self.context["request"].auth["sid"])


class HasToken(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.auth is not None


class OwnSessions(generics.GenericAPIView[Session]):
    serializer_class = SessionSerializer
    queryset = Session.objects.none()  # for the OpenAPI document

    def get_queryset(self) -> SessionQuerySet:
        return Session.objects.live().filter(user=signed_in(self.request)[0])


@extend_schema_view(
    get=extend_schema(operation_id="list_sessions", summary="Where you are signed in")
)
class SessionList(OwnSessions, generics.ListAPIView[Session]):
    pagination_class = NewestFirst

    def page_links(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        return [("Sign out everywhere", reverse("logout-all"))]

    def page_row(self, row: dict[str, Any]) -> tuple[str, str]:
        since = f"since {row['created_at']}{' (this one)' if row['current'] else ''}"
        return f"{row['user_agent'] or 'Unknown'}, {since}", reverse("session", args=[row["id"]])


@extend_schema_view(
    get=extend_schema(operation_id="get_session", summary="One of your sessions"),
    delete=extend_schema(operation_id="end_session", summary="Sign out there"),
)
class SessionDetail(OwnSessions, generics.RetrieveDestroyAPIView[Session]):
    def perform_destroy(self, instance: Session) -> None:
        Session.objects.filter(pk=instance.pk).end()


class LogoutAll(APIView):
    """Every session ends, and both services refuse every access token given out so far."""

    permission_classes = (HasToken,)
    serializer_class = serializers.Serializer  # of the page's form

    def get_authenticators(self) -> list[BaseAuthentication]:
        # Safe to repeat: the token of the first time has nothing left to end.
        return [TokenAuthentication(revoked_too=True)]

    @extend_schema(
        operation_id="sign_out_everywhere",
        summary="Sign out everywhere",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).sign_out()
        return Response(status=status.HTTP_204_NO_CONTENT)
