"""Tells the audit log who asks, as the request's log lines have it: ``user_id``, ``request_id``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.db import connection, transaction

from audit.models import Event

# Django would name the other columns too, which the web server may not set.
_RECORD = "INSERT INTO audit_log (event, user_id, actor_id, request_id) VALUES (%s, %s, %s, %s)"


@contextmanager
def recorded(by: UUID | None = None) -> Iterator[None]:
    """One transaction, of whose changes the triggers know who asks for them.

    Args:
        by: who it is, where the request itself does not know yet.
    """
    actor, request_id = _asker()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('audit.actor', %s, true), set_config('audit.request', %s, true)",
                [str(by or actor or ""), request_id],
            )
        yield


def record(event: Event, user: UUID | None) -> None:
    """What no trigger records.

    Args:
        user: whose account it is; None where there is none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [event.value, user, *_asker()])


def _asker() -> tuple[str | None, str]:
    known = structlog.contextvars.get_contextvars()
    return known.get("user_id"), known.get("request_id", "")[:64]
