"""Tokens: given for a password, renewed, taken back; and the keys that verify them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import sessions
from accounts.backends import refusal
from accounts.keys import key_folder
from accounts.models import Session, User
from accounts.serializers import (
    CredentialsSerializer,
    EmailCredentialsSerializer,
    KeySetSerializer,
    RefreshSerializer,
    TokenAnswerSerializer,
    UsernameCredentialsSerializer,
)
from accounts.tokens import LIFETIME, issue_access_token
from config.renderers import JSONRenderer


@method_decorator(cache_control(no_store=True), name="dispatch")
class TokenView(generics.GenericAPIView[Any]):
    # Only the body counts: an old access token or cookie does no harm here.
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def validated(self) -> dict[str, Any]:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class SignIn(TokenView):
    serializer_class = CredentialsSerializer

    @extend_schema(
        operation_id="sign_in",
        summary="Sign in",
        request=PolymorphicProxySerializer(
            component_name="Credentials",
            serializers=[UsernameCredentialsSerializer, EmailCredentialsSerializer],
            resource_type_field_name=None,
        ),
        responses={
            200: TokenAnswerSerializer,
            401: OpenApiResponse(description="Whatever was wrong with the name or the password."),
        },
    )
    def post(self, request: Request) -> Response:
        given = self.validated()
        # Without a key nothing may have been begun or used up.
        key_folder().current()
        name = given.get("username") or given.get("email")
        user = authenticate(request, username=name, password=given["password"])
        user_agent = request.headers.get("User-Agent", "")
        if not isinstance(user, User):
            raise AuthenticationFailed(refusal())
        started = sessions.start_with_refresh_token(user, user_agent)
        if started is None:
            raise AuthenticationFailed(refusal())
        return _answer(*started)


class Refresh(TokenView):
    serializer_class = RefreshSerializer

    @extend_schema(
        operation_id="refresh_tokens",
        summary="Renew the tokens",
        responses={
            200: TokenAnswerSerializer,
            401: OpenApiResponse(description="The token is unknown, used, expired or ended."),
        },
    )
    def post(self, request: Request) -> Response:
        refresh = self.validated()["refresh"]
        key_folder().current()
        rotated = sessions.rotate(refresh)
        if rotated is None:
            raise AuthenticationFailed("The refresh token is not valid.")
        return _answer(*rotated)


class Logout(TokenView):
    serializer_class = RefreshSerializer

    @extend_schema(operation_id="sign_out", summary="Sign out", responses={204: None})
    def post(self, request: Request) -> Response:
        sessions.end(self.validated()["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


@method_decorator(cache_control(public=True, max_age=300), name="dispatch")
class Jwks(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)

    @extend_schema(
        operation_id="get_keys",
        summary="The keys that verify access tokens (RFC 7517)",
        tags=["keys"],
        responses=KeySetSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(key_folder().jwks())


def _answer(session: Session, refresh: str) -> Response:
    return Response(
        {
            "access": issue_access_token(session),
            "refresh": refresh,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
        }
    )
