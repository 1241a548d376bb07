"""Django's sessions and messages, for the admin alone: the API has neither, nor has its page."""

from __future__ import annotations

from typing import Any

from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin


class _OfAdmin(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith("/admin/"):
            return super().__call__(request)
        return self.get_response(request)


class Sessions(_OfAdmin, SessionMiddleware):
    pass


class Messages(_OfAdmin, MessageMiddleware):
    pass
