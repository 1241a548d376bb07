"""Pages by key: an opaque cursor over ``(created_at, id)``, compared as a row.

Each page costs one index scan, however deep; no count, no OFFSET. DRF's CursorPagination is no
choice: it encodes only the first field, and a thousand users made by one statement share theirs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import CharField, Func, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.template.loader import render_to_string
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from config.errors import InvalidParameters

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

# What comes back was made here: nobody writes a date of his own that PostgreSQL cannot read.
_signer = Signer(salt="accounts.pagination")


class NewestFirst(BasePagination):
    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        self._url = request.build_absolute_uri()
        limit = _limit(request.query_params.get("limit"))
        cursor = request.query_params.get("cursor")
        backwards, position = _decode(cursor) if cursor else (False, None)
        if position is not None:
            row = Func("created_at", "id", function="ROW", output_field=CharField())
            here = Func(*map(Value, position), function="ROW", output_field=CharField())
            beyond = GreaterThan(row, here) if backwards else LessThan(row, here)
            queryset = queryset.filter(beyond)
        order = ("created_at", "id") if backwards else ("-created_at", "-id")
        rows = list(queryset.order_by(*order)[: limit + 1])
        more = len(rows) > limit
        page = rows[:limit]
        if backwards:
            page.reverse()
        has_next, has_previous = (True, more) if backwards else (more, cursor is not None)
        self._next = self._link(False, page[-1]) if page and has_next else None
        self._previous = self._link(True, page[0]) if page and has_previous else None
        self.display_page_controls = bool(self._next or self._previous)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        body = {"results": data, "next": self._next, "previous": self._previous}
        links = {"next": self._next, "prev": self._previous}
        link = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        return Response(body, headers={"Link": link} if link else None)

    def to_html(self) -> str:
        urls = {"previous_url": self._previous, "next_url": self._next}
        return render_to_string("rest_framework/pagination/previous_and_next.html", urls)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "How many a page holds.",
                "schema": limit,
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Where the page starts: taken from `next` or `previous`.",
                "schema": {"type": "string", "format": "cursor"},
            },
        ]

    def _link(self, backwards: bool, row: Any) -> str:
        position = [backwards, row.created_at.isoformat(), str(row.id)]
        return replace_query_param(self._url, "cursor", _signer.sign_object(position))


def _limit(raw: str | None) -> int:
    if raw is None:
        return DEFAULT_LIMIT
    if not (raw.isascii() and raw.isdigit() and len(raw) < 4 and 1 <= int(raw) <= MAX_LIMIT):
        raise InvalidParameters({"limit": f"A whole number from 1 to {MAX_LIMIT}."})
    return int(raw)


def _decode(cursor: str) -> tuple[bool, tuple[datetime, UUID]]:
    """Whether the page lies before the row, and that row; raises InvalidParameters."""
    try:
        backwards, created_at, key = _signer.unsign_object(cursor)
    except BadSignature as error:
        raise InvalidParameters({"cursor": "Take it from a next or previous link."}) from error
    return backwards, (datetime.fromisoformat(created_at), UUID(key))
