"""Who makes a request: the access token in the Authorization header, or in the browser's cookie."""

from __future__ import annotations

from typing import cast

import structlog
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from rest_framework import exceptions, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from config.errors import ServiceUnavailable
from config.problems import respond
from users import gate, tokens
from users.keys import KeysUnavailable
from users.models import User

_COLUMNS = [field.attname for field in User._meta.concrete_fields]
_STORED = f"SELECT {', '.join(_COLUMNS)} FROM users WHERE id = %s"  # noqa: S608
NO_KEYS = "Access tokens cannot be verified at the moment."


class NoSuchAccount(exceptions.AuthenticationFailed):
    """The user was deleted after the token had been checked."""

    default_detail = "There is no such account."


class TokenAuthentication(SessionAuthentication):
    """``request.auth`` is None: all that the token says is in the user."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
        from_header = scheme.lower() == "bearer"
        if not from_header:
            token = request.COOKIES.get(settings.ACCESS_COOKIE_NAME, "")
            if not token:
                return None
        try:
            user = user_of(token.strip())
        except tokens.InvalidToken as error:
            raise exceptions.AuthenticationFailed(str(error)) from None
        except KeysUnavailable:
            raise ServiceUnavailable(NO_KEYS) from None
        if not from_header:
            self.enforce_csrf(request)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="notes"'


class TokenCookieMiddleware(AuthenticationMiddleware):
    """For the admin, which knows no DRF: ``request.user`` from the cookie, when it is asked for."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: _user_of_cookie(request))  # type: ignore[assignment]

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, KeysUnavailable):
            return None
        response = respond(request, status.HTTP_503_SERVICE_UNAVAILABLE, NO_KEYS)
        response["Retry-After"] = str(ServiceUnavailable.wait)
        return response


def user_of(token: str) -> User:
    """The user whom the token names, stored from its facts where no event has come yet.

    Raises:
        InvalidToken: also for a deleted or inactive user and a revoked token.
        KeysUnavailable: no token can be verified at all.
    """
    access = tokens.verify(token)
    user = _stored(access)
    if user is None or user.version < access.state.version:
        gate.provision(access.state)
        user = _stored(access)
    if user is None or not user.is_active:
        raise tokens.InvalidToken("There is no active account for this access token.")
    # Both are times that users_project wrote, so no clock is compared with another.
    if access.state.tokens_valid_after < user.tokens_valid_after:
        raise tokens.InvalidToken("The access token has been revoked.")
    # Rights that a newer version may have taken back count again with a token of that version.
    user.is_staff = access.is_staff and access.state.version >= user.version
    structlog.contextvars.bind_contextvars(user_id=str(user.id))
    return user


def signed_in(request: Request) -> User:
    """The user of a view that lets nobody else in."""
    return cast("User", request.user)


def csrf_of_users(request: HttpRequest) -> dict[str, str]:
    """Context processor: what a page's form needs that goes to users_project."""
    return {"users_csrf": request.COOKIES.get(settings.USERS_CSRF_COOKIE_NAME, "")}


def _stored(access: tokens.AccessToken) -> User | None:
    # Not by the ORM: each request asks this, and writing the statement takes longer than all else.
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [access.state.id])
        row = cursor.fetchone()
    return User.from_db(connection.alias, _COLUMNS, row) if row else None


def _user_of_cookie(request: HttpRequest) -> User | AnonymousUser:
    try:
        return user_of(request.COOKIES.get(settings.ACCESS_COOKIE_NAME, ""))
    except tokens.InvalidToken:
        return AnonymousUser()
