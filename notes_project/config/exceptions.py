"""DRF's exceptions as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.utils.serializer_helpers import ReturnDict
from rest_framework.views import exception_handler

from config.errors import InvalidHeaders, InvalidParameters, Pointer, ServiceUnavailable
from config.problems import database_failure, problem

logger = structlog.get_logger(__name__)

_WHOLE = api_settings.NON_FIELD_ERRORS_KEY


def handle_exception(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's ``EXCEPTION_HANDLER``. Returns None for what DRF does not know, a 500 then."""
    request: Request = context["request"]
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    elif detail := database_failure(exc):
        logger.error("database_unavailable", exc_info=exc)
        exc = ServiceUnavailable(detail)
    response = exception_handler(exc, context)
    if response is None or not isinstance(exc, exceptions.APIException):
        return None
    if response.status_code == 401 and request.method == "GET" and _prefers_html(request):
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    body = problem_of(exc, request.path)
    # The browsable API shows the form again, with what was typed and what is wrong with it.
    serializer = getattr(exc.detail, "serializer", None)
    response.data = ReturnDict(body, serializer=serializer) if serializer else body
    return response


def problem_of(exc: exceptions.APIException, instance: str, *, place: str = "") -> dict[str, Any]:
    """The exception as a problem; ``place`` is a JSON pointer to what of the body it is about."""
    if not isinstance(exc, exceptions.ValidationError):
        return problem(exc.status_code, str(exc.detail), instance)
    detail = "The request has errors; each is named in errors."
    return problem(exc.status_code, detail, instance, errors=_errors(exc, place))


def _prefers_html(request: Request) -> bool:
    renderer = getattr(request, "accepted_renderer", None)
    return renderer is not None and renderer.media_type == "text/html"


def _errors(exc: exceptions.ValidationError, place: str) -> list[dict[str, str]]:
    errors = list(_field_errors(exc.detail, Pointer(place)))
    for kind, member in ((InvalidParameters, "parameter"), (InvalidHeaders, "header")):
        if isinstance(exc, kind):
            return [{member: error.pop("pointer").removeprefix("/"), **error} for error in errors]
    return errors


def _field_errors(details: Any, place: Pointer) -> Iterator[dict[str, str]]:
    """Flattens DRF's nested errors."""
    if isinstance(details, exceptions.ErrorDetail):
        yield {"pointer": str(place), "code": details.code or "", "detail": str(details)}
    elif isinstance(details, dict):
        for name, inner in details.items():
            if isinstance(name, Pointer):
                yield from _field_errors(inner, Pointer(place + name))
            else:
                yield from _field_errors(inner, place if name == _WHOLE else place / name)
    else:
        for inner in details:
            yield from _field_errors(inner, place)
