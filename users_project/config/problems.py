"""Problem details (RFC 9457), and Django's error views in that form."""

from __future__ import annotations

import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.utils.encoding import escape_uri_path
from psycopg import errors

MEDIA_TYPE = "application/problem+json"
# As RFC 9110 has them, and the gateway: Python has others before 3.13.
_TITLES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
# The server is well, and has given up by itself.
_GIVEN_UP = (
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)


def problem(status: int, detail: str, instance: str, **members: Any) -> dict[str, Any]:
    """The members of RFC 9457 section 3.1, the request id, and ``members``.

    Args:
        instance: a path as Django has it, decoded.
    """
    return {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": escape_uri_path(instance),
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        **members,
    }


def respond(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """A problem outside DRF: HTML for whoever prefers it, problem+json for everybody else."""
    body = problem(status, detail, request.path)
    if _prefers_html(request):
        return render(request, "problem.html", body, status=status)
    return HttpResponse(orjson.dumps(body), status=status, content_type=MEDIA_TYPE)


def database_failure(error: BaseException | None) -> str | None:
    """What there is to say, with a 503, where the database is why; None for any other error."""
    if isinstance(error.__cause__ if error else None, _GIVEN_UP):
        return (
            "The database gave this up: it took too long, or others were writing to the same."
            " Try again, with less at once if you can."
        )
    if isinstance(error, OperationalError | InterfaceError):
        return "The database does not answer. Try again shortly."
    return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 400, "The request cannot be understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 403, "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 404, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    if detail := database_failure(sys.exc_info()[1]):
        response = respond(request, 503, detail)
        response["Retry-After"] = "5"
        return response
    return respond(request, 500, "Something went wrong here. The request id finds it in the logs.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(request, 403, "The CSRF token is missing or wrong. Load the page again.")


def keep_to_accept(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Whatever answers, Django's own views too, HTML is only for who takes HTML."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.get("Content-Type", "").startswith("text/html") or response.streaming:
            return response
        if response.status_code >= 400:
            if not response.content or not _prefers_html(request):
                _become_problem(request, response, HTTPStatus(response.status_code).description)
        elif not response.content:
            del response["Content-Type"]
        elif not request.accepts("text/html"):
            response.status_code = 406
            _become_problem(request, response, "This page is for browsers, in HTML alone.")
        return response

    return middleware


class RefuseHandMade(MiddlewareMixin):
    """In the admin, what its own pages never send, such as an id that is none: Django does not
    handle it."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        is_admin = request.path_info.startswith("/admin/")
        if is_admin and isinstance(error, ValidationError | DataError):
            return bad_request(request, error)
        return None


def _become_problem(request: HttpRequest, response: HttpResponse, detail: str) -> None:
    """Replaces the body and keeps the headers: Allow, cookies."""
    body = respond(request, response.status_code, detail)
    response.content = body.content
    response["Content-Type"] = body["Content-Type"]
    response["Content-Length"] = str(len(body.content))


def _prefers_html(request: HttpRequest) -> bool:
    return request.get_preferred_type([MEDIA_TYPE, "application/json", "text/html"]) == "text/html"
