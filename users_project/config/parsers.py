from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.utils.http import parse_header_parameters
from rest_framework import exceptions, parsers
from rest_framework.request import Request

from config import strict_json
from config.renderers import RawFormRenderer


class JSONParser(parsers.BaseParser):
    """Strict JSON (RFC 8259): whatever a body holds, it is parsed or a 400."""

    media_type = "application/json"
    # The browsable API fills its raw form by it.
    renderer_class = RawFormRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return strict_json.loads(stream.read().decode())
        except UnicodeDecodeError:
            raise exceptions.ParseError("The body is not valid JSON: it is no UTF-8.") from None
        except strict_json.InvalidJSON as error:
            if error.place is None:
                detail = f"The body is not valid JSON: {error}"
                raise exceptions.ParseError(detail) from None
            raise exceptions.ValidationError({error.place: [error.detail]}, error.code) from None


class FormParser(parsers.FormParser):
    """A form of UTF-8, as the URL standard has it; Django reads anything else as Latin-1."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        _require_utf8(unquote_to_bytes(body))
        context = {**(parser_context or {}), "encoding": "utf-8"}
        return super().parse(BytesIO(body), media_type, context)


class MultiPartParser(parsers.MultiPartParser):
    """A whole form of UTF-8 (RFC 7578); Django drops what it cannot read without a word."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> parsers.DataAndFiles[Any, Any]:
        body = stream.read()
        _require_utf8(body)
        context = {**(parser_context or {}), "encoding": "utf-8"}
        parsed = super().parse(BytesIO(body), media_type, context)
        values = sum(len(each) for part in (parsed.data, parsed.files) for _, each in part.lists())
        boundary = parse_header_parameters(media_type or "")[1]["boundary"]
        # RFC 2046 section 5.1.1: one before each part, and a last one with two hyphens.
        ends = re.findall(
            rb"(?:^|\r\n)--%b(--)?[ \t]*(?=\r\n|$)" % re.escape(boundary.encode()), body
        )
        if ends != [b""] * values + [b"--"]:
            raise exceptions.ParseError("The form is cut off, or a part of it has no name.")
        return parsed


def require_body(request: Request) -> None:
    """Raises ParseError where the request has no body: DRF parses none as an empty object."""
    if request.stream is None:
        raise exceptions.ParseError("The body is empty.")


def _require_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError:
        raise exceptions.ParseError("The form is not valid UTF-8.") from None
