"""Readiness: whether this service can do its job, and which part of it fails."""

from __future__ import annotations

import functools
from collections.abc import Callable

import orjson
import structlog
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from users.keys import key_cache

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 or 503; says which parts work, and nothing of where they are."""
    database = _passes(_database_answers)
    works = {
        "database": database,
        # Not asked when the database is down: each attempt waits for it once more.
        "migrations": database and _passes(_migrations_are_applied),
        "token_keys": key_cache().is_ready(),
    }
    ready = all(works.values())
    if not ready:
        logger.warning("not_ready", parts=[part for part, ok in works.items() if not ok])
    words = {True: "ok", False: "unavailable"}
    body = {"status": words[ready], "parts": {part: words[ok] for part, ok in works.items()}}
    return HttpResponse(
        orjson.dumps(body), status=200 if ready else 503, content_type="application/json"
    )


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Error:
        return False


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations_are_applied() -> bool:
    applied = MigrationRecorder(connection).applied_migrations()
    return _known_migrations() <= applied.keys()


@functools.cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)
