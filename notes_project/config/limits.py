"""How many requests a user may make in a minute; draft-ietf-httpapi-ratelimit-headers tells them.

Counted in memory that all workers of this server share: a statement would cost more than many a
request. Of two updates at the same moment one can get lost, and of two users of one slot the later
takes it over: so it errs to the user's good alone.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW = 60
"""Seconds."""
READS, WRITES = 0, 1
_SLOTS = 65_536
# Half a user's id, the number of the window, and what was counted in it.
_SLOT = struct.Struct("=QLLL")
# gunicorn loads the project once and then forks, so this is one table for all of its workers.
_table = mmap.mmap(-1, _SLOTS * _SLOT.size)


def count(user: UUID, kind: int, now: float) -> int:
    """Counts a request; returns how many of its kind the user has made in this window.

    Args:
        now: seconds of a clock that all workers share and nobody sets.
    """
    half, window = user.int >> 64, int(now) // WINDOW
    place = user.int % _SLOTS * _SLOT.size
    owner, counted_in, *counts = _SLOT.unpack_from(_table, place)
    if (owner, counted_in) != (half, window):
        counts = [0, 0]
    counts[kind] += 1
    _SLOT.pack_into(_table, place, half, window, *counts)
    return int(counts[kind])


class OfUser(BaseThrottle):
    """For who is signed in; the gateway limits the others by their address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return True
        reads = request.method in SAFE_METHODS
        name = "reads" if reads else "writes"
        quota = settings.READS_PER_MINUTE if reads else settings.WRITES_PER_MINUTE
        now = time.monotonic()
        made = count(request.user.pk, READS if reads else WRITES, now)
        self.seconds = WINDOW - int(now) % WINDOW
        request._request.rate_limit = {  # type: ignore[attr-defined]
            "RateLimit-Policy": f'"{name}";q={quota};w={WINDOW}',
            "RateLimit": f'"{name}";r={max(quota - made, 0)};t={self.seconds}',
        }
        return made <= quota

    def wait(self) -> float:
        return self.seconds


def tell(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: the headers of what was counted."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in getattr(request, "rate_limit", {}).items():
            response[name] = value
        return response

    return middleware
