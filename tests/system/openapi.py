"""The operations of both OpenAPI documents, as the committed files have them."""

from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[2] / "docs" / "openapi"
DOCUMENTS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}


@dataclass(frozen=True)
class Operation:
    document: dict
    path: str
    method: str
    definition: dict

    def __str__(self):
        return self.definition["operationId"]

    def parameters(self, place):
        """The names of those in the path, the query or the headers."""
        found = self.definition.get("parameters", [])
        return {each["name"] for each in found if each["in"] == place}

    @property
    def body(self):
        """The schema of its JSON body; None where it takes none."""
        content = self.definition.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")


OPERATIONS = [
    Operation(document, path, method.upper(), definition)
    for document in DOCUMENTS.values()
    for path, methods in document["paths"].items()
    for method, definition in methods.items()
]


def properties(document, schema, seen=()):
    """All properties of a schema and of what lies within it: name and schema."""
    if isinstance(schema, list):
        for each in schema:
            yield from properties(document, each, seen)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if reference and reference not in seen:
            target = document["components"]["schemas"][reference.rpartition("/")[2]]
            yield from properties(document, target, (*seen, reference))
        yield from schema.get("properties", {}).items()
        within = {**schema, "properties": list(schema.get("properties", {}).values())}
        for each in within.values():
            yield from properties(document, each, seen)
