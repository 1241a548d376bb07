"""What a load balancer asks."""

from __future__ import annotations

from contextlib import closing
from functools import cache, lru_cache
from time import monotonic

import orjson
import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from users.keys import key_cache

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def readiness(request: HttpRequest) -> HttpResponse:
    """Whether this service can do its job: 200 or 503, and which part fails."""
    database, migrations = _database(int(monotonic()))
    token_keys = "ok" if key_cache().is_ready() else "unavailable"
    parts = {"database": database, "migrations": migrations, "token_keys": token_keys}
    ready = set(parts.values()) == {"ok"}
    body = {"status": "ok" if ready else "unavailable", "parts": parts}
    headers = {} if ready else {"Retry-After": "5"}
    return HttpResponse(
        orjson.dumps(body),
        status=200 if ready else 503,
        content_type="application/json",
        headers=headers,
    )


@lru_cache(maxsize=1)
def _database(second: int) -> tuple[str, str]:
    """The state of the database and of its migrations, over a connection of its own.

    An open one can hang with its server; a new one is refused within the connect timeout. An
    answer stands for all requests of its second: anybody may ask, as often as he likes.
    """
    with closing(connection.copy()) as fresh:
        try:
            missing = _migrations() - MigrationRecorder(fresh).applied_migrations().keys()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("not_ready", part="database", exc_info=error)
            return "unavailable", "unknown"
    return "ok", "missing" if missing else "ok"


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """All that this release's code needs. It changes with a release alone."""
    return frozenset(MigrationLoader(None).disk_migrations)
