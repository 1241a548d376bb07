"""The validators of the contract in docs/events, and its examples."""

import json
from pathlib import Path

import yaml
from jsonschema import Draft7Validator, Draft202012Validator
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

_asyncapi = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
# AsyncAPI's own schemas are of JSON Schema's draft 7.
HEADERS = Draft7Validator(_asyncapi["components"]["messageTraits"]["userEvent"]["headers"])
