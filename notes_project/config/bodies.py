"""Request bodies that nobody reads, such as that of an upload without a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from config.problems import respond

LONGEST = 20.0
"""Seconds, within which the gateway waits for an answer. It sends a body when it has all of it."""
_CHUNK = 256 * 1024


def read_to_the_end(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Before it answers, what is left of the body is read.

    gunicorn closes the connection otherwise, and the gateway, which still sends, sees no answer but
    a broken connection: a 502.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        end = time.monotonic() + LONGEST
        with suppress(UnreadablePostError):
            while request.read(_CHUNK) and time.monotonic() < end:
                pass
        return response

    return middleware


def refuse_encoded(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. A compressed body would be read as it stands, and be no JSON or no form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() == "identity":
            return get_response(request)
        detail = "Content-Encoding: the body is compressed. Send it as it is, without this header."
        response = respond(request, 415, detail)
        # RFC 9110, 15.5.16.
        response["Accept-Encoding"] = "identity"
        return response

    return middleware
