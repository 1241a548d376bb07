"""Access tokens: JWT, ES256, signed by users_project. What a verified one says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

from users.gate import LAST_VERSION, UserState
from users.keys import UnknownKey, key_cache

# Seconds that the clocks of the two services may differ.
LEEWAY = 10
# Verified tokens that a process remembers; one takes about three kilobytes.
REMEMBERED = 2000
_TYPE = "at+jwt"
_REQUIRED = ["iss", "aud", "iat", "exp", "sub"]


EXPIRED = "The access token has expired."


class InvalidToken(Exception):
    """The token proves nothing. Its text may go to the client."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """``state`` is the user as of the moment the token was signed."""

    state: UserState
    is_staff: bool


def verify(token: str) -> AccessToken:
    """Raises InvalidToken; KeysUnavailable where no token can be verified at all."""
    access, expires = _verify(token, key_cache().state())
    # Again, for a token that was verified before.
    if expires <= time() - LEEWAY:
        raise InvalidToken(EXPIRED)
    return access


@lru_cache(REMEMBERED)
def _verify(token: str, keys: object) -> tuple[AccessToken, int]:
    """With the time at which the token expires, seconds. What is no valid token is not remembered.

    Args: keys: the state of the keys; a token is verified again when they may have changed.
    """
    try:
        # Of the header, only these are used: jku, x5u and jwk would let the sender choose.
        header = jwt.get_unverified_header(token)
        if header.get("typ") != _TYPE:
            raise jwt.InvalidTokenError
        kid = header.get("kid")
        key = key_cache().get(kid if isinstance(kid, str) else "")
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            issuer=settings.TOKEN_ISSUER,
            audience=settings.TOKEN_AUDIENCE,
            leeway=LEEWAY,
            options={"require": _REQUIRED, "strict_aud": True},
        )
    except jwt.ExpiredSignatureError:
        raise InvalidToken(EXPIRED) from None
    except (UnknownKey, jwt.PyJWTError, ValueError):
        raise InvalidToken("The access token is not valid.") from None
    return _read(claims), int(claims["exp"])


def _read(claims: dict[str, Any]) -> AccessToken:
    try:
        version, username = claims["uv"], claims["username"]
        if type(version) is not int or not 0 < version <= LAST_VERSION:
            raise ValueError
        if not isinstance(username, str) or not 0 < len(username) <= 100:
            raise ValueError
        state = UserState(
            id=UUID(claims["sub"]),
            version=version,
            username=username,
            is_active=True,
            tokens_valid_after=_parse(claims["tokens_valid_after"]),
            created_at=_parse(claims["created_at"]),
        )
    except (KeyError, TypeError, ValueError):
        raise InvalidToken("The access token's claims cannot be read.") from None
    return AccessToken(state=state, is_staff=claims.get("staff") is True)


def _parse(text: str) -> datetime:
    """An RFC 3339 time, with its offset."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError
    return time.astimezone(UTC)
