"""What every operation of the OpenAPI document shares: its errors (RFC 9457)."""

from __future__ import annotations

from typing import Any

from config.problems import MEDIA_TYPE

_TEXT = {"type": "string"}

COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "RFC 9457. `errors` names each field or parameter that is wrong.",
            "required": ["type", "title", "status", "detail", "instance", "request_id"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": _TEXT,
                "status": {"type": "integer"},
                "detail": _TEXT,
                "instance": {"type": "string", "format": "uri-reference"},
                "request_id": {"type": ["string", "null"]},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["code", "detail"],
                        "properties": {
                            "pointer": {"type": "string", "format": "json-pointer"},
                            "parameter": _TEXT,
                            "code": _TEXT,
                            "detail": _TEXT,
                        },
                    },
                },
            },
        }
    },
}


def add_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """drf-spectacular's hook: names the errors of each operation, all of them problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in result["paths"].items():
        for operation in methods.values():
            for status, description in _errors(path, operation).items():
                operation["responses"][status] = {"description": description, "content": content}
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Request"):
            component["additionalProperties"] = False
    return result


def _errors(path: str, operation: dict[str, Any]) -> dict[str, str]:
    described = {
        status: response["description"]
        for status, response in operation["responses"].items()
        if status >= "400"
    }
    in_query = any(parameter["in"] == "query" for parameter in operation.get("parameters", []))
    if "requestBody" in operation or in_query:
        described.setdefault("400", "What is wrong stands in `errors`.")
    if any(operation.get("security", [])):
        described.setdefault("401", "No access token, or one that is not valid.")
    if "{" in path:
        described.setdefault("404", "Not there, or not yours to see.")
    return {**described, "default": "Any other error."}
