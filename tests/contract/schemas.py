"""The validator of the contract in docs/events, and its examples."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[2] / "docs" / "events"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
EXAMPLES = {path.stem: path.read_bytes() for path in (FOLDER / "examples").glob("*.json")}

_registry = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)
VALIDATOR = Draft202012Validator(
    SCHEMAS["user-event.v1.json"],
    registry=_registry,
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)
