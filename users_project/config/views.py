"""The front page, and what a load balancer asks."""

from __future__ import annotations

from contextlib import closing
from functools import cache

import orjson
import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.keys import SigningKeyError, key_folder

logger = structlog.get_logger(__name__)

LINKS = {
    "notes": "/api/v1/notes/",
    "tags": "/api/v1/tags/",
    "users": "/api/v1/users/",
    "me": "/api/v1/users/me/",
    "token": "/api/v1/auth/token/",
    "jwks": "/.well-known/jwks.json",
    "users_docs": "/api/v1/docs/users/",
    "notes_docs": "/api/v1/docs/notes/",
    "users_openapi": "/api/v1/schema/users/",
    "notes_openapi": "/api/v1/schema/notes/",
    "users_admin": "/admin/users/",
    "notes_admin": "/admin/notes/",
}


class ApiRoot(APIView):
    """Where things are, of both services."""

    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({name: request.build_absolute_uri(path) for name, path in LINKS.items()})


@never_cache
@require_safe
def readiness(request: HttpRequest) -> HttpResponse:
    """Whether this service can do its job: 200 or 503, and which part fails."""
    database, migrations = _database()
    parts = {"database": database, "migrations": migrations, "signing_keys": _signing_keys()}
    ready = set(parts.values()) == {"ok"}
    body = {"status": "ok" if ready else "unavailable", "parts": parts}
    headers = {} if ready else {"Retry-After": "5"}
    return HttpResponse(
        orjson.dumps(body),
        status=200 if ready else 503,
        content_type="application/json",
        headers=headers,
    )


def _database() -> tuple[str, str]:
    """The state of the database and of its migrations, over a connection of its own.

    An open one can hang with its server; a new one is refused within the connect timeout.
    """
    with closing(connection.copy()) as fresh:
        try:
            missing = _migrations() - MigrationRecorder(fresh).applied_migrations().keys()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("not_ready", part="database", exc_info=error)
            return "unavailable", "unknown"
    return "ok", "missing" if missing else "ok"


def _signing_keys() -> str:
    try:
        key_folder().current()
    except SigningKeyError as error:
        logger.warning("not_ready", part="signing_keys", reason=str(error))
        return "unavailable"
    return "ok"


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """All that this release's code needs. It changes with a release alone."""
    return frozenset(MigrationLoader(None).disk_migrations)
