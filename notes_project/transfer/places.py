"""How many exports and imports run at once: each holds a thread of the web server until it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from socket import socket
from threading import BoundedSemaphore

from django.db import Error, connection
from rest_framework.exceptions import Throttled

from config.errors import ServiceUnavailable
from transfer.pace import at_pace
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
    # First, for who has a place is not kept waiting by others.
    if not _ask(_LOCK, user):
        wait = ServiceUnavailable.wait
        raise Throttled(wait, "Another export or import of yours is running.")
    try:
        if not _places.acquire(blocking=False):
            raise ServiceUnavailable("Others export or import at the moment. Try again shortly.")
        try:
            yield
        finally:
            _places.release()
    finally:
        with suppress(Error):
            _ask(_UNLOCK, user)


def begun(user: User, pieces: Iterable[bytes], client: socket | None) -> Iterator[bytes]:
    """An export that has its place until it ends or is closed. Raises what `place` does.

    Args:
        client: the connection with whoever takes it, as long as that keeps the pace.
    """

    def export() -> Iterator[bytes]:
        with place(user):
            yield b""
            yield from at_pace(pieces, client)

    started = export()
    # A refusal comes before the answer begins.
    next(started)
    return started


def _ask(statement: str, user: User) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(user.pk)])
        return bool(cursor.fetchone()[0])
