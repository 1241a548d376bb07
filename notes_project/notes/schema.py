"""The schema of block documents, by itself and within the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from notes import blocks

PATH = "api/v1/schema/notes/block-document.v1.json"


def published() -> str:
    """`docs/block-document.v1.json`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/{PATH}",
        **blocks.json_schema("#/$defs/{model}"),
    }
    schema["$defs"]["Block"] = _by_type(schema["$defs"]["Block"]["discriminator"]["mapping"])
    return json.dumps(schema, indent=2) + "\n"


def _by_type(references: Mapping[str, str]) -> dict[str, Any]:
    """One of these by its type, in conditions.

    With oneOf a validator tries each, and within each its children again: exponential in depth.
    """
    cases = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"$ref": reference},
        }
        for name, reference in references.items()
    ]
    names = {"type": {"enum": list(references)}}
    return {"type": "object", "required": ["type"], "properties": names, "allOf": cases}


@require_safe
def block_document(request: HttpRequest) -> HttpResponse:
    return HttpResponse(published(), content_type="application/schema+json")


def add_blocks(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """drf-spectacular's hook: documents as components, from the same source."""
    schema = blocks.json_schema("#/components/schemas/{model}")
    components = result["components"]["schemas"]
    components |= schema.pop("$defs")
    components["BlockDocument"] = {**schema, "externalDocs": {"url": f"/{PATH}"}}
    result["components"]["schemas"] = dict(sorted(components.items()))
    return result
