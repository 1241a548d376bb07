"""Request headers that Django cannot read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def without_unreadable(application: WSGIApplication) -> WSGIApplication:
    """WSGI middleware: media types with a parameter that cannot be read count as left out.

    Django raises ValueError for them, also before and after all that makes an answer of an error.
    """

    def middleware(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for name in ("CONTENT_TYPE", "HTTP_ACCEPT"):
            if not _is_readable(environ.get(name, "")):
                del environ[name]
        return application(environ, start_response)

    return middleware


def _is_readable(header: str) -> bool:
    # What may fail is an encoding of RFC 2231, whose parameters have a name with an asterisk.
    try:
        for each in (header, *header.split(",")) if "*" in header else ():
            parse_header_parameters(each)
    except ValueError:
        return False
    return True
