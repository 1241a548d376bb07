"""``?format=`` chooses how an export is written, as it does for every answer of DRF."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.settings import api_settings

from config.errors import InvalidParameters
from config.renderers import JSONRenderer
from notes.pagination import read_once

FORMAT = api_settings.URL_FORMAT_OVERRIDE or "format"


class JSONLinesRenderer(JSONRenderer):
    """Writes errors alone, as its base does; the view writes the notes."""

    media_type = "application/jsonl"
    format = "jsonl"


class MarkdownRenderer(JSONRenderer):
    """The same."""

    media_type = "application/zip"
    format = "markdown"


class ByFormat(DefaultContentNegotiation):
    """The parameter, and without it the header Accept."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        name = read_once(request.query_params, FORMAT)
        if not name:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(
                request, renderers, format_suffix
            )
            return chosen
        by_name = {renderer.format: renderer for renderer in renderers}
        if name not in by_name:
            raise InvalidParameters({FORMAT: f"Give one of: {', '.join(by_name)}."})
        return by_name[name], by_name[name].media_type
