"""``?format=`` chooses how an export is written, as it does for every answer of DRF."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.exceptions import NotAcceptable
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from config.negotiation import FORMAT, ByFormat
from config.renderers import JSONRenderer
from notes.pagination import read_once


class JSONLinesRenderer(JSONRenderer):
    """Writes errors alone, as its base does; the view writes the notes."""

    media_type = "application/jsonl"
    format = "jsonl"


class MarkdownRenderer(JSONRenderer):
    """The same."""

    media_type = "application/zip"
    format = "markdown"


class ByFormatAlone(ByFormat):
    """The parameter, whatever the header Accept says; without it the header."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        name = read_once(request.query_params, FORMAT)
        if not name:
            try:
                chosen: tuple[BaseRenderer, str] = super().select_renderer(
                    request, renderers, format_suffix
                )
            except NotAcceptable:
                kinds = " or ".join(f"{each.media_type} ({each.format})" for each in renderers)
                detail = f"Accept {kinds}, or give the parameter {FORMAT}."
                raise NotAcceptable(detail) from None
            return chosen
        (renderer,) = self.filter_renderers(renderers, name)
        return renderer, renderer.media_type
