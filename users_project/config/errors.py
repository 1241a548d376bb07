"""Errors of the API that DRF has no class for; `config.exceptions` turns them into problems."""

from __future__ import annotations

from typing import Self

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


class Pointer(str):
    """A JSON pointer (RFC 6901).

    As a key of a ValidationError it is a way through a field's value; any other key is one name.
    """

    __slots__ = ()

    def __truediv__(self, name: str | int) -> Self:
        # A name is whatever a client wrote, a lone surrogate too, which UTF-8 does not have.
        text = str(name).encode(errors="replace").decode()
        return type(self)(f"{self}/{text.replace('~', '~0').replace('/', '~1')}")
