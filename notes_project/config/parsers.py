from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework import exceptions, parsers, renderers


class JSONParser(parsers.BaseParser):
    """Strict JSON (RFC 8259): whatever a body holds, it is parsed or a 400."""

    media_type = "application/json"
    # The browsable API fills its raw form by it.
    renderer_class = renderers.JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(stream.read().decode(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise exceptions.ParseError("The body is not valid JSON.") from None


def _refuse(constant: str) -> NoReturn:
    """NaN, Infinity and -Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)
