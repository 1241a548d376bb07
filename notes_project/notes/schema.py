"""The schema of block documents, by itself and within the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.negotiation import FORMAT
from notes import blocks, bulk, etags, tag_names
from notes.models import BLOCKS
from notes.serializers import ID

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


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: block documents and operations as components."""
    components = result["components"]["schemas"]
    components |= _blocks()
    components["TagName"] = {
        "type": "string",
        "description": "Kept in one form: NFKC, case-folded, white space trimmed, without what"
        " shows nothing.",
        "minLength": 1,
        "maxLength": tag_names.MAX_LENGTH,
        "pattern": tag_names.PATTERN,
    }
    for name in ("NoteRequest", "PatchedNoteRequest"):
        components[name] |= _of_one_format(partial=name != "NoteRequest")
    components |= _operations(components["NoteRequest"], components["PatchedNoteRequest"])
    result["components"]["schemas"] = dict(sorted(components.items()))
    for methods in result["paths"].values():
        for operation in methods.values():
            parameters = operation.setdefault("parameters", [])
            if FORMAT not in (parameter["name"] for parameter in parameters):
                parameters.append(_format())
            for parameter in parameters:
                if parameter["schema"].get("pattern") == f"^{ID}$":
                    parameter["schema"] = {"type": "string", "format": "uuid"}
                if parameter["in"] == "query":
                    # A form sends so what is left out.
                    parameter["allowEmptyValue"] = True
    return result


def _format() -> dict[str, Any]:
    return {
        "name": FORMAT,
        "in": "query",
        "description": "In place of `Accept`; a browser's `api` is the page.",
        "schema": {"type": "string", "enum": ["json"]},
    }


def _blocks() -> dict[str, Any]:
    """From the same source as the published schema."""
    schema = blocks.json_schema("#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs")
    patch = {
        "type": "object",
        "title": "BlockDocumentPatch",
        "description": "Merged into the document that there is (RFC 7396).",
        "properties": schema["properties"],
        "additionalProperties": False,
    }
    document = {**schema, "externalDocs": {"url": f"/{PATH}"}}
    return {**parts, "BlockDocument": document, "BlockDocumentPatch": patch}


def _of_one_format(*, partial: bool) -> dict[str, Any]:
    """Where the format is given, the content is of it.

    Args:
        partial: what is left out is as it is in the note.
    """
    given = {"required": ["content_format"]}
    text: dict[str, Any] = {"properties": {"content": {"type": ["string", "null"]}}}
    blocks: dict[str, Any] = {"properties": {"content": {"type": "object"}}}
    return {
        "if": {**given, "properties": {"content_format": {"const": BLOCKS}}},
        "then": blocks if partial else {**blocks, "required": ["content"]},
        "else": {"if": given, "then": text},
    }


def _operations(note: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Of `POST /notes/bulk/`, by their names."""
    target = {
        "id": {"type": "string", "format": "uuid"},
        "if_match": {
            "type": "string",
            "pattern": etags.TAGS,
            "description": "As the header If-Match.",
        },
    }
    bodies = {"create": note, "replace": note, "change": patch}
    components: dict[str, Any] = {}
    references = {}
    for op in bulk.OPERATIONS:
        body = bodies.get(op, {"properties": {}})
        of_note = {} if op == "create" else target
        name = f"{op.capitalize()}Operation"
        references[op] = f"#/components/schemas/{name}"
        components[name] = {
            **body,
            "type": "object",
            "description": f"As the request for it alone: {op}.",
            "properties": {"op": {"const": op, "type": "string"}, **of_note, **body["properties"]},
            "required": ["op", "id"] if of_note else ["op"],
            "additionalProperties": False,
        }
    components["Operation"] = {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "op", "mapping": references},
    }
    return components
