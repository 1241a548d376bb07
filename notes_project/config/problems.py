"""Errors as problem details (RFC 9457), for DRF and for everything around it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, instance: str, **members: Any) -> dict[str, Any]:
    """The members of RFC 9457 section 3.1, the request id, and ``members``."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        **members,
    }


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


def respond(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """A problem outside DRF: HTML for whoever prefers it, problem+json for everybody else."""
    body = problem(status, detail, request.path)
    if request.get_preferred_type([MEDIA_TYPE, "application/json", "text/html"]) == "text/html":
        return render(request, "problem.html", body, status=status)
    return HttpResponse(orjson.dumps(body), status=status, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 400, "The request cannot be understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 403, "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 404, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(request, 500, "Something went wrong here. The request id finds it in the logs.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(request, 403, "The CSRF token is missing or wrong. Load the page again.")
