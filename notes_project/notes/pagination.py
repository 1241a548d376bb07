"""Keyset pages for DRF: opaque cursors, ``next`` and ``previous``, and Link headers (RFC 8288)."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import orjson
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from config.errors import InvalidParameters
from notes.keyset import KeysetQuerySet

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Cursor(NamedTuple):
    """A position in a list, and on which side of it the page lies."""

    backward: bool
    position: list[Any]


class KeysetPagination(BasePagination):
    parameters = frozenset({"limit", "cursor"})
    template = "rest_framework/pagination/previous_and_next.html"

    def paginate_queryset(  # type: ignore[override]
        self, queryset: KeysetQuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[dict[str, Any]]:
        limit = _read_limit(request.query_params.get("limit", ""))
        self._url = request.build_absolute_uri()
        self._keyset = queryset.keyset
        # Signed, so that what comes back can be trusted; salted, so that it is of this list.
        table = queryset.model._meta.db_table
        self._signer = Signer(salt=f"cursor {table} {' '.join(self._keyset)}")
        cursor = self._read_cursor(request.query_params.get("cursor", ""))
        backward = cursor is not None and cursor.backward
        position = cursor.position if cursor else None
        page = queryset.page_before(position) if backward else queryset.page_after(position)
        rows = page[: limit + 1].summaries()
        more = len(rows) > limit
        rows = rows[:limit]
        if backward:
            rows.reverse()
        self.next_url = self._link(False, rows[-1]) if rows and (more or backward) else None
        has_previous = more if backward else cursor is not None
        self.previous_url = self._link(True, rows[0]) if rows and has_previous else None
        self.display_page_controls = bool(self.next_url or self.previous_url)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
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
                "cursor", "Where the page starts: taken from `next` or `previous`, never made."
            ),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        url = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": url, "previous": url},
        }

    def _link(self, backward: bool, row: dict[str, Any]) -> str:
        cursor = [backward, [row[name] for name in self._keyset]]
        text = base64.urlsafe_b64encode(orjson.dumps(cursor)).decode().rstrip("=")
        return replace_query_param(self._url, "cursor", self._signer.sign(text))

    def _read_cursor(self, signed: str) -> Cursor | None:
        if not signed:
            return None
        try:
            text = self._signer.unsign(signed)
        except BadSignature:
            detail = "This is not a cursor of this list. Start again without it."
            raise InvalidParameters({"cursor": detail}) from None
        return Cursor(*orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def _read_limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    # Not int() alone: it also takes signs, blanks, underscores and other scripts' digits.
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise InvalidParameters({"limit": f"Give a number from 1 to {MAX_LIMIT}."})


def _query_parameter(
    name: str, description: str, schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema or {"type": "string"},
    }
