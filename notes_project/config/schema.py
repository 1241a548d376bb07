"""What every operation of the OpenAPI document shares: errors (RFC 9457), headers, exact bodies."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings

from config.problems import MEDIA_TYPE

_TEXT = {"type": "string"}
_REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
_RATE_LIMIT = {
    name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")
}
_RETRY_AFTER = {
    "description": "Seconds.",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. `errors` names what is wrong: fields, parameters, headers.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "instance": {"type": "string", "format": "uri-reference"},
        "request_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemError"}},
    },
}
_PROBLEM_ERROR: dict[str, Any] = {
    "type": "object",
    "description": "Of `pointer`, `parameter` and `header` it has one.",
    "required": ["code", "detail"],
    "properties": {
        "pointer": {"type": "string", "format": "json-pointer"},
        "parameter": _TEXT,
        "header": _TEXT,
        "code": _TEXT,
        "detail": _TEXT,
    },
}
# By status: the name of the component, what it means, and its headers.
_ERRORS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "400": ("Invalid", "What is wrong stands in `errors`.", {}),
    "401": (
        "NotSignedIn",
        "No access token, or one that is not valid.",
        {"WWW-Authenticate": {"required": True, "schema": _TEXT}},
    ),
    "403": ("Refused", "With the cookie alone: the CSRF token is missing or wrong.", {}),
    "404": ("NotFound", "Not there, or not yours to see.", {}),
    "406": ("NotAcceptable", "`Accept` names nothing that there is.", {}),
    "409": (
        "StillRunning",
        "The first request with this key still runs.",
        {"Retry-After": _RETRY_AFTER},
    ),
    "412": ("OtherState", "What the request's conditions name is not the state.", {}),
    "413": ("TooLarge", "A request may have 12 MB at most.", {}),
    "414": ("AddressTooLong", "A request line may have 8 kB at most.", {}),
    "415": ("UnknownMediaType", "The body is of no media type that is taken here.", {}),
    "422": ("OtherRequest", "The key was used for another request.", {}),
    "429": (
        "TooMany",
        "Too many requests of one user or address, or too many wrong passwords.",
        {"Retry-After": _RETRY_AFTER, **_RATE_LIMIT},
    ),
    "503": (
        "Unavailable",
        "The service, or something it needs, does not answer, or not in time.",
        {"Retry-After": _RETRY_AFTER},
    ),
    "5XX": ("Failed", "Something went wrong; `request_id` finds it in the logs.", {}),
}

COMPONENTS: dict[str, Any] = {
    "schemas": {"Problem": _PROBLEM, "ProblemError": _PROBLEM_ERROR},
    "headers": {
        "X-Request-ID": {
            "description": "The gateway's name of the request, which the logs have too.",
            "required": True,
            "schema": _TEXT,
        },
        "RateLimit": {
            "description": "What is left of the user's quota, and seconds until it is whole again:"
            ' `"reads";r=1199;t=42`.',
            "schema": _TEXT,
        },
        "RateLimit-Policy": {
            "description": 'The quota and its seconds: `"reads";q=1200;w=60`.',
            "schema": _TEXT,
        },
    },
    "responses": {
        name: {
            "description": description,
            "headers": {**_REQUEST_ID, **headers},
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for name, description, headers in _ERRORS.values()
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


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: what it cannot see in views and serializers."""
    result["components"]["securitySchemes"]["cookie"]["name"] = settings.ACCESS_COOKIE_NAME
    used = set()
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            for status, response in responses.items():
                _complete_response(status, response, operation)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            if method == "get" and "If-None-Match" in _parameters(operation):
                responses["304"] = {"description": "The state is known.", "headers": _REQUEST_ID}
            for status in _errors_of(path, method, operation):
                used.add(_ERRORS[status][0])
                reference = {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}
                responses.setdefault(status, reference)
            operation["responses"] = dict(sorted(responses.items()))
    components = result["components"]
    components["responses"] = {name: components["responses"][name] for name in sorted(used)}
    for name, schema in components["schemas"].items():
        if name.endswith("Request") and "properties" in schema:
            _complete_request(schema)
        elif any(each.get("readOnly") for each in schema.get("properties", {}).values()):
            # Shown whole, whatever may be left out of a request.
            schema["required"] = sorted(schema["properties"])
    return result


def _complete_response(status: str, response: dict[str, Any], operation: dict[str, Any]) -> None:
    response["description"] = response["description"] or HTTPStatus(int(status)).phrase
    headers: dict[str, Any] = {**_REQUEST_ID}
    if any(operation.get("security", [])):
        headers |= _RATE_LIMIT
    if status >= "400":
        schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
        response["content"] = {MEDIA_TYPE: schema}
        headers |= _ERRORS[status][2] if status in ("401", "429") else {}
    if status == "201":
        headers["Location"] = {"required": True, "schema": {"type": "string", "format": "uri"}}
    if "Paginated" in str(response.get("content")):
        text = "`next` and `prev`, as RFC 8288 has them."
        headers["Link"] = {"description": text, "schema": _TEXT}
    if status < "300" and "Idempotency-Key" in _parameters(operation):
        text = "The answer is given again."
        headers["Idempotent-Replayed"] = {"description": text, "schema": {"enum": ["true"]}}
    response["headers"] = {**response.get("headers", {}), **headers}


def _complete_request(schema: dict[str, Any]) -> None:
    # The serializers refuse what they do not know, and no field takes NUL.
    schema["additionalProperties"] = False
    for each in schema["properties"].values():
        if each.get("type") == "string" and not {"enum", "format", "pattern"} & each.keys():
            each["pattern"] = r"^[^\u0000]*$"


def _parameters(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def _errors_of(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    names = _parameters(operation)
    secured = any(operation.get("security", []))
    yield from ("400", "406", "414", "429", "503", "5XX")
    if secured:
        yield "401"
    if secured and method not in ("get", "head"):
        yield "403"
    if "{" in path:
        yield "404"
    if "Idempotency-Key" in names:
        yield from ("409", "422")
    if names & {"If-Match", "If-None-Match"}:
        yield "412"
    if "requestBody" in operation:
        yield from ("413", "415")
