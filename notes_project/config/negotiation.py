"""``?format=`` chooses how an answer is written."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.settings import api_settings

from config.errors import InvalidParameters

FORMAT = api_settings.URL_FORMAT_OVERRIDE or "format"


class ByFormat(DefaultContentNegotiation):
    def filter_renderers(self, renderers: Iterable[BaseRenderer], name: str) -> list[BaseRenderer]:
        """Raises InvalidParameters, where DRF has a 404."""
        by_name = {renderer.format: renderer for renderer in renderers}
        if name not in by_name:
            raise InvalidParameters({FORMAT: f"Give one of: {', '.join(map(str, by_name))}."})
        return [by_name[name]]
