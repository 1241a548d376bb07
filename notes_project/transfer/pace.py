"""How slowly an export may be taken: while it lasts, it has a place that others wait for."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator

GRACE = 60.0
"""Seconds, which waiting for the client may take in all, and a second more for each ..."""
LEAST = 256 * 1024
"""... bytes that it has taken."""


class TooSlow(Exception):
    """The client does not keep the pace."""


def at_pace(
    pieces: Iterable[bytes],
    connection: socket.socket | None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """The pieces, as long as the client keeps the pace. Raises TooSlow.

    Args:
        connection: with the client. Where that takes nothing, writing ends with TimeoutError.
    """
    left = GRACE
    for piece in pieces:
        if left <= 0:
            raise TooSlow
        if connection:
            connection.settimeout(left)
        before = clock()
        yield piece
        left += len(piece) / LEAST - (clock() - before)
