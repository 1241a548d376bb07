"""Access tokens: JWTs (RFC 7519) signed with ES256, which the notes service verifies by itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import jwt
from django.conf import settings

from accounts.keys import key_folder
from accounts.models import Session

LIFETIME = 300
LEEWAY = 10
"""Both in seconds. The leeway is for clocks of machines that differ."""

TYPE = "at+jwt"
"""As RFC 9068 has it: no JWT that is for something else passes for an access token."""
REQUIRED_CLAIMS = ["iss", "aud", "iat", "exp", "sub", "sid", "tokens_valid_after"]


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds always, letter for letter as the events carry it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def issue_access_token(session: Session) -> str:
    """Carries what the user's newest event carries: a service may apply either, in any order."""
    user, now = session.user, int(time.time())
    claims = {
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "iat": now,
        "exp": now + LIFETIME,
        "sub": str(user.id),
        "sid": str(session.id),
        "uv": user.version,
        "username": user.username,
        "created_at": rfc3339(user.created_at),
        "tokens_valid_after": rfc3339(user.tokens_valid_after),
    }
    if user.is_staff:
        claims["staff"] = True
    key = key_folder().current()
    header = {"typ": TYPE, "kid": key.kid}
    return jwt.encode(claims, key.private, algorithm="ES256", headers=header)


def read_access_token(token: str) -> dict[str, Any]:
    """The claims of a token that this project signed; raises jwt.InvalidTokenError.

    Of the header ``typ`` and ``kid`` are used: ``jku``, ``x5u`` and ``jwk`` name keys of anybody.
    """
    header = jwt.get_unverified_header(token)
    key = key_folder().public(header.get("kid", ""))
    if key is None or header.get("typ") != TYPE:
        raise jwt.InvalidTokenError
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["ES256"],
        issuer=settings.TOKEN_ISSUER,
        audience=settings.TOKEN_AUDIENCE,
        leeway=LEEWAY,
        options={"require": REQUIRED_CLAIMS, "strict_aud": True},
    )
    return claims
