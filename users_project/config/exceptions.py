"""DRF's exceptions as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config.problems import problem


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's ``EXCEPTION_HANDLER``. Returns None for what DRF does not know, a 500 then."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    response = exception_handler(exc, context)
    if response is None or not isinstance(exc, exceptions.APIException):
        return None
    path = context["request"].path
    if isinstance(exc, exceptions.ValidationError):
        errors = list(_field_errors(exc.get_full_details(), ""))
        detail = "The request has errors; each is named in errors."
        response.data = problem(exc.status_code, detail, path, errors=errors)
    else:
        response.data = problem(exc.status_code, str(exc.detail), path)
    return response


def _field_errors(details: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Flattens DRF's nested errors; ``pointer`` is a JSON pointer (RFC 6901)."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        message, code = str(details["message"]), str(details["code"])
        yield {"pointer": pointer, "code": code, "detail": message}
    elif isinstance(details, dict):
        for name, inner in details.items():
            key = str(name).replace("~", "~0").replace("/", "~1")
            whole = name == "non_field_errors"
            yield from _field_errors(inner, pointer if whole else f"{pointer}/{key}")
    else:
        for inner in details:
            yield from _field_errors(inner, pointer)
