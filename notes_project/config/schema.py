"""What every operation of the OpenAPI document shares: signing in, and errors (RFC 9457)."""

from __future__ import annotations

from typing import Any

from config.problems import MEDIA_TYPE

_TEXT = {"type": "string"}

COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "RFC 9457. `errors` names what is wrong: fields, parameters, headers.",
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
                            "header": _TEXT,
                            "code": _TEXT,
                            "detail": _TEXT,
                        },
                    },
                },
            },
        }
    },
    "securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "access_token",
            "description": "For browsers; a request that changes something needs a CSRF token.",
        },
    },
}


def add_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """drf-spectacular's hook: what is not described otherwise is a problem."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for methods in result["paths"].values():
        for operation in methods.values():
            operation["responses"]["default"] = {
                "description": "An error.",
                "content": {MEDIA_TYPE: problem},
            }
    return result
