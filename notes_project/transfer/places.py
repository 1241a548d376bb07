"""How many exports and imports run at once: each holds a thread of the web server until it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore

from django.db import Error, connection
from rest_framework.exceptions import Throttled

from config.errors import ServiceUnavailable
from users.models import User

AT_ONCE = 2
"""In a process, whose threads (config/gunicorn.conf.py) no other can use: two stay for the rest."""
_places = BoundedSemaphore(AT_ONCE)
# One for a user in all processes. It goes with the connection, however that ends.
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('transfer ' || %s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('transfer ' || %s, 0))"


@contextmanager
def place(user: User) -> Iterator[None]:
    """For one export or import of the user. Raises ServiceUnavailable, Throttled."""
    if not _places.acquire(blocking=False):
        raise ServiceUnavailable("Others export or import at the moment. Try again shortly.")
    try:
        if not _ask(_LOCK, user):
            wait = ServiceUnavailable.wait
            raise Throttled(wait, "Another export or import of yours is running.")
        try:
            yield
        finally:
            with suppress(Error):
                _ask(_UNLOCK, user)
    finally:
        _places.release()


def _ask(statement: str, user: User) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(user.pk)])
        return bool(cursor.fetchone()[0])
