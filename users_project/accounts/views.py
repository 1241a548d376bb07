"""Accounts over the API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import addresses, mail
from accounts.authentication import signed_in, while_signed_in
from accounts.models import User, UserQuerySet
from accounts.openapi import CONFIRM_FIRST, TAKEN, WAITS, WRONG_PASSWORD, BodyOnDelete
from accounts.pagination import NewestFirst
from accounts.serializers import (
    CurrentPasswordSerializer,
    OwnUserSerializer,
    PasswordChangeSerializer,
    RegistrationSerializer,
    UserSerializer,
    require_password,
)


@extend_schema_view(
    get=extend_schema(operation_id="list_users", summary="All users for staff, else yourself"),
    post=extend_schema(
        operation_id="register",
        summary="Register",
        responses={
            201: UserSerializer,
            202: OpenApiResponse(description=CONFIRM_FIRST),
            401: OpenApiResponse(description="A token was sent, and it is not valid."),
            403: OpenApiResponse(description="A cookie was sent without its CSRF token."),
            409: TAKEN,
        },
        auth=[],
    ),
)
class UserList(generics.ListCreateAPIView[User]):
    pagination_class = NewestFirst

    def page_row(self, row: dict[str, Any]) -> tuple[str, str]:
        return row["username"], reverse("user", args=[row["id"]])

    def get_permissions(self) -> list[BasePermission]:
        renderer = getattr(self.request, "accepted_renderer", None)
        page = isinstance(renderer, BrowsableAPIRenderer)
        # A browser finds the form to register below a list that is empty for it. One whose session
        # goes on is sent for a new token.
        stranger = page and not (self.request.user.is_anonymous and "sid" in self.request.session)
        return [AllowAny() if stranger or self.request.method == "POST" else IsAuthenticated()]

    def get_serializer_class(self) -> type[UserSerializer]:
        return RegistrationSerializer if self.request.method == "POST" else UserSerializer

    def get_queryset(self) -> UserQuerySet:
        return User.objects.visible_to(self.request.user)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not settings.EMAIL_VERIFICATION:
            return super().create(request, *args, **kwargs)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        addresses.register(**serializer.validated_data)
        return Response(status=status.HTTP_202_ACCEPTED)

    def get_success_headers(self, data: Any) -> dict[str, str]:
        # Absolute: the browsable API makes a link of it.
        path = reverse("user", args=[data["id"]])
        return {"Location": self.request.build_absolute_uri(path)}


@extend_schema_view(get=extend_schema(operation_id="get_user", summary="One user"))
class UserDetail(generics.RetrieveAPIView[User]):
    serializer_class = UserSerializer

    def get_queryset(self) -> UserQuerySet:
        return User.objects.visible_to(self.request.user)


@extend_schema_view(
    get=extend_schema(operation_id="get_me", summary="Yourself"),
    patch=extend_schema(
        operation_id="change_me",
        summary="Change your name or address",
        responses={
            200: UserSerializer,
            202: OpenApiResponse(UserSerializer, description=WAITS),
            403: WRONG_PASSWORD,
            409: TAKEN,
        },
    ),
    delete=extend_schema(
        operation_id="delete_me",
        summary="Delete your account",
        request=CurrentPasswordSerializer,
        responses={204: None, 403: WRONG_PASSWORD},
    ),
)
class Me(generics.RetrieveUpdateDestroyAPIView[User]):
    schema = BodyOnDelete()
    form_to_delete = True
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        if self.request.method == "DELETE":
            return CurrentPasswordSerializer
        return OwnUserSerializer if self.request.method == "PATCH" else UserSerializer

    def page_links(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        names = {"Password": "password", "Sessions": "sessions", "Export": "export"}
        return [(text, reverse(name)) for text, name in names.items()]

    def get_object(self) -> User:
        return signed_in(self.request)[0]

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user, sid = signed_in(request)
        serializer = self.get_serializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        if given.get("email", user.email) != user.email:
            require_password(user, sid, given, "password")
        changed = serializer.save()
        waits = given.get("email", changed.email) != changed.email
        code = status.HTTP_202_ACCEPTED if waits else status.HTTP_200_OK
        return Response(serializer.data, status=code)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user, sid = signed_in(request)
        require_password(user, sid, serializer.validated_data, "password")
        with while_signed_in(user):
            user.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class Password(generics.GenericAPIView[User]):
    serializer_class = PasswordChangeSerializer

    @extend_schema(
        operation_id="change_password",
        summary="Change your password; signs out everywhere else",
        responses={204: None, 403: WRONG_PASSWORD},
    )
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user, sid = signed_in(request)
        require_password(user, sid, serializer.validated_data, "current_password")
        with while_signed_in(user):
            user.change_password(serializer.validated_data["new_password"], keep=sid)
        mail.send_later("password_changed", user.email, username=user.username)
        if request.session.get("sid") == sid:
            user.refresh_from_db()
            update_session_auth_hash(request, user)
        return Response(status=status.HTTP_204_NO_CONTENT)
