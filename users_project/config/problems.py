"""Problem details (RFC 9457), and Django's error views in that form."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

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
