from __future__ import annotations

from django.http import HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware


class PermanentRedirect(HttpResponsePermanentRedirect):
    """308 (RFC 9110, 15.4.9): clients turn a 301 to a POST into a GET, and lose its body."""

    def __init__(self, redirect_to: str) -> None:
        super().__init__(redirect_to, preserve_request=True)


class AppendSlash(CommonMiddleware):
    response_redirect_class = PermanentRedirect
