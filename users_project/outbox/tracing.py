"""Hands a request's trace context (W3C Trace Context, ``traceparent``) to the outbox triggers."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class TraceparentMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        traceparent = request.headers.get("traceparent", "")
        if request.method in SAFE_METHODS or not TRACEPARENT.fullmatch(traceparent):
            return self._get_response(request)
        _set(traceparent)
        try:
            return self._get_response(request)
        finally:
            _set("")


def _set(traceparent: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('outbox.traceparent', %s, false)", [traceparent])
