"""Errors of the API that DRF has no class for; `config.exceptions` turns them into problems."""

from __future__ import annotations

from rest_framework import exceptions, status


class ServiceUnavailable(exceptions.APIException):
    """A 503: what the request needs does not answer. DRF sends ``wait`` as Retry-After, seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Something this service needs does not answer. Try again shortly."
    wait = 5


class InvalidParameters(exceptions.ValidationError):
    """Errors of the query string, by parameter: ``{"limit": "Give a number."}``."""


class InvalidHeaders(exceptions.ValidationError):
    """Errors of request headers, by header: ``{"If-Match": "Give an entity tag."}``."""
