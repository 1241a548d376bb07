"""Keyset pages for DRF: opaque cursors, ``next`` and ``previous``, and Link headers (RFC 8288)."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote_plus

import orjson
from django.core.signing import BadSignature, Signer
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from config.errors import InvalidParameters
from notes.keyset import Page, Position

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_FILTERS = 3_900
"""Bytes of what a list is asked for, in an address. Links add a cursor, which may hold a title, and
have to fit in a request line, of which gateway and gunicorn take 8,190 bytes."""


class Cursor(NamedTuple):
    """A position in a list, None for its start or end, and on which side of it the page lies."""

    backward: bool
    position: Position | None


class Paged(Protocol):
    """A list that this module pages through."""

    @property
    def identity(self) -> str:
        """Tells the list from every other one: a cursor is of one list."""

    def page(self, position: Position | None, limit: int, *, backward: bool) -> Page: ...


class KeysetPagination(BasePagination):
    parameters = frozenset({"limit", "cursor"})
    template = "rest_framework/pagination/previous_and_next.html"

    def paginate_queryset(  # type: ignore[override]
        self, queryset: Paged, request: Request, view: APIView | None = None
    ) -> Any:
        """The rows of the page: dictionaries, or JSON for the renderer to pass on."""
        limit = _read_limit(request.query_params)
        # A byte is three at most in a link.
        if len(request.META.get("QUERY_STRING", "")) > MAX_FILTERS // 3:
            _require_room(request.query_params)
        self._url = request.build_absolute_uri()
        # Signed, so that what comes back can be trusted; salted, so that it is of this list.
        self._signer = Signer(salt=f"cursor {queryset.identity}")
        cursor = self._read_cursor(request.query_params)
        backward = cursor is not None and cursor.backward
        page = queryset.page(cursor.position if cursor else None, limit, backward=backward)
        has_next = page.more or backward
        has_previous = page.more if backward else cursor is not None
        # From an empty page, whose cursor is past all rows, the ways lead to the ends of the list.
        self.next_url = self._link(False, page.last) if has_next else None
        self.previous_url = self._link(True, page.first) if has_previous else None
        self.display_page_controls = bool(self.next_url or self.previous_url)
        return page.rows

    def get_paginated_response(self, data: Any) -> Response:
        if isinstance(data, bytes):
            data = orjson.Fragment(data)
        body = {"results": data, "next": self.next_url, "previous": self.previous_url}
        links = {"next": self.next_url, "prev": self.previous_url}
        link = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        return Response(body, headers={"Link": link} if link else None)

    def to_html(self) -> str:
        urls = {"previous_url": self.previous_url, "next_url": self.next_url}
        return render_to_string(self.template, urls)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_LIMIT,
            "default": DEFAULT_LIMIT,
        }
        return [
            _query_parameter("limit", "How many a page holds.", limit),
            _query_parameter(
                "cursor",
                "Where the page starts: taken from `next` or `previous`, never made.",
                {"type": "string", "format": "cursor"},
            ),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        url = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": url, "previous": url},
        }

    def _link(self, backward: bool, position: Position | None) -> str:
        text = base64.urlsafe_b64encode(orjson.dumps([backward, position])).decode().rstrip("=")
        return replace_query_param(self._url, "cursor", self._signer.sign(text))

    def _read_cursor(self, parameters: QueryDict) -> Cursor | None:
        signed = read_once(parameters, "cursor")
        if not signed:
            return None
        try:
            text = self._signer.unsign(signed)
        except BadSignature:
            detail = "This is not a cursor of this list. Start again without it."
            raise InvalidParameters({"cursor": detail}) from None
        return Cursor(*orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def read_once(parameters: MultiValueDict[str, str], name: str) -> str:
    """The parameter's value, "" where there is none. Raises InvalidParameters for several."""
    values = parameters.getlist(name)
    if len(values) > 1:
        raise InvalidParameters({name: "Give it once."})
    return values[0] if values else ""


def _require_room(parameters: QueryDict) -> None:
    """For the cursor of a link. Raises InvalidParameters, which names the longest one."""
    sizes = {
        name: sum(len(f"&{name}={quote_plus(value)}") for value in values)
        for name, values in parameters.lists()
        if name != "cursor"
    }
    if sum(sizes.values()) > MAX_FILTERS:
        detail = f"All parameters together may have {MAX_FILTERS:,} bytes in an address."
        raise InvalidParameters({max(sizes, key=sizes.__getitem__): detail})


def _read_limit(parameters: QueryDict) -> int:
    text = read_once(parameters, "limit")
    if not text:
        return DEFAULT_LIMIT
    # Not int() alone: it also takes signs, blanks, underscores and other scripts' digits.
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise InvalidParameters({"limit": f"Give a number from 1 to {MAX_LIMIT}."})


def _query_parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
    }
