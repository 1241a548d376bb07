"""Signing in to the API: ``Authorization: Bearer`` first, then the browser's cookie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import jwt
import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework import exceptions
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.request import Request

from accounts.models import Session, User
from accounts.tokens import read_access_token, rfc3339
from audit import trail

_csrf = SessionAuthentication()


class TokenAuthentication(BaseAuthentication):
    """Sets ``request.auth`` to the claims of the access token.

    Args:
        revoked_too: a token given out here that is not too old passes, as nobody's if revoked.
    """

    def __init__(self, *, revoked_too: bool = False) -> None:
        self._revoked_too = revoked_too

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, dict[str, Any]] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() == b"bearer":
            signed_in = self._check(token.strip().decode("latin-1"))
            if signed_in is None:
                raise exceptions.AuthenticationFailed("The access token is not valid.")
        else:
            # An old cookie is nobody: the pages that are open to all stay open.
            signed_in = self._check(request.COOKIES.get(settings.ACCESS_COOKIE_NAME, ""))
            if signed_in is None:
                return None
            _csrf.enforce_csrf(request)
        if signed_in[0].pk is not None:
            structlog.contextvars.bind_contextvars(user_id=str(signed_in[0].pk))
        return signed_in

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def _check(self, token: str) -> tuple[User | AnonymousUser, dict[str, Any]] | None:
        try:
            claims = read_access_token(token) if token else None
        except jwt.InvalidTokenError:
            return None
        if claims is None:
            return None
        user = _user_of(claims)
        if user is None:
            return (AnonymousUser(), claims) if self._revoked_too else None
        return user, claims


def signed_in(request: Request) -> tuple[User, str]:
    """The user and the session's id of a request that has passed IsAuthenticated."""
    return cast("User", request.user), cast("dict[str, str]", request.auth)["sid"]


@contextmanager
def while_signed_in(user: User) -> Iterator[User]:
    """One transaction, in which nothing signs the user out everywhere or deletes them.

    To ask for a password takes a while, and whoever knew it may know it no more by then. Gives the
    user as they are now. Raises AuthenticationFailed where they were signed out everywhere, or
    deleted, since ``user`` was read.
    """
    with trail.recorded():
        now = User.objects.lock(user.pk)
        if now is None or now.tokens_valid_after != user.tokens_valid_after:
            raise exceptions.AuthenticationFailed("The access token is not valid any more.")
        yield now


def _user_of(claims: dict[str, Any]) -> User | None:
    """Whose token it is, as long as the session lives and nothing has revoked the token."""
    session = (
        Session.objects.live()
        .select_related("user")
        .filter(pk=claims["sid"], user=claims["sub"], user__is_active=True)
        .first()
    )
    # Both are text of one length, so they compare as times do.
    if session is None or claims["tokens_valid_after"] < rfc3339(session.user.tokens_valid_after):
        return None
    return session.user
