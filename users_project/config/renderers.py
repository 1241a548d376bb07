from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework import renderers

from config.problems import MEDIA_TYPE


class JSONRenderer(renderers.BaseRenderer):
    """JSON by orjson; bytes are JSON already.

    An error answer is labelled as problem details (RFC 9457 section 3).
    """

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        # In the browsable API it fills a part of an HTML page.
        if response is not None and response.exception and response.accepted_renderer is self:
            response["Content-Type"] = MEDIA_TYPE
        if data is None:
            return b""
        if isinstance(data, bytes):
            return data
        indent = orjson.OPT_INDENT_2 if (renderer_context or {}).get("indent") else 0
        return orjson.dumps(data, option=orjson.OPT_UTC_Z | indent, default=str)


class RawFormRenderer(renderers.JSONRenderer):
    """What the browsable API fills its raw form with: of an object, the fields that can be set."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        writable = {
            name: value
            for name, value in data.items()
            if not (field := data.serializer.fields[name]).read_only
            and not field.style.get("of_forms_alone")
        }
        return super().render(writable, accepted_media_type, renderer_context)
