"""What a load balancer asks."""

from __future__ import annotations

from contextlib import closing
from functools import cache, lru_cache
from time import monotonic
from typing import Any

import orjson
import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.keys import SigningKeyError, key_folder

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def readiness(request: HttpRequest) -> HttpResponse:
    """Whether this service can do its job: 200 or 503, and which part fails."""
    body = state()
    ready = body["status"] == "ok"
    headers = {} if ready else {"Retry-After": "5"}
    return HttpResponse(
        orjson.dumps(body),
        status=200 if ready else 503,
        content_type="application/json",
        headers=headers,
    )


def state() -> dict[str, Any]:
    """The body of the answer: ``status``, and by its name the state of each of the ``parts``."""
    database, migrations = _database(int(monotonic()))
    parts = {"database": database, "migrations": migrations, "signing_keys": _signing_keys()}
    ready = set(parts.values()) == {"ok"}
    return {"status": "ok" if ready else "unavailable", "parts": parts}


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
