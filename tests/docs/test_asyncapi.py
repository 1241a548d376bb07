"""The AsyncAPI document is one, and holds together. The messages are for tests/contract."""

import json

import pytest
import yaml
from asyncapi3.models.asyncapi import AsyncAPI3
from jsonschema import Draft7Validator, Draft202012Validator

from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "events"
DOCUMENT = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
MESSAGES = DOCUMENT["components"]["messages"]


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(reference):
    """What a local reference names; KeyError or OSError where there is nothing."""
    file, _, pointer = reference.partition("#")
    node = json.loads((FOLDER / file).read_text()) if file else DOCUMENT
    for member in filter(None, pointer.split("/")):
        node = node[member.replace("~1", "/").replace("~0", "~")]
    return node


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_a_reference_resolves(reference):
    assert resolve(reference)


def test_it_is_of_asyncapi_3():
    """With its Kafka bindings; a member that AsyncAPI does not know is an error."""
    AsyncAPI3.model_validate(DOCUMENT)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_a_schema_is_of_its_draft(path):
    Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_the_schemas_within_the_document_are_of_asyncapis_draft():
    trait = DOCUMENT["components"]["messageTraits"]["userEvent"]
    Draft7Validator.check_schema(trait["headers"])
    Draft7Validator.check_schema(trait["bindings"]["kafka"]["key"])


@pytest.mark.parametrize("name", DOCUMENT["operations"])
def test_an_operation_belongs_to_a_channel(name):
    operation = DOCUMENT["operations"][name]
    assert operation["action"] in ("send", "receive")
    assert resolve(operation["channel"]["$ref"]) in DOCUMENT["channels"].values()


def test_every_message_is_on_a_channel_and_the_other_way_round():
    on_channels = [
        resolve(message["$ref"])
        for channel in DOCUMENT["channels"].values()
        for message in channel["messages"].values()
    ]
    assert on_channels == list(MESSAGES.values())


def test_the_messages_are_the_types_of_the_schema():
    types = resolve("./user-event.v1.json#/properties/type/enum")
    assert {message["name"] for message in MESSAGES.values()} == set(types)


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_is_of_its_message(name):
    examples = [resolve(each["payload"]["$ref"]) for each in MESSAGES[name]["examples"]]
    assert {example["type"] for example in examples} == {MESSAGES[name]["name"]}


def test_the_channel_is_the_topic_of_the_settings():
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line
    )
    (channel,) = DOCUMENT["channels"].values()
    assert channel["address"] == example["KAFKA_TOPIC"]
    kafka = channel["bindings"]["kafka"]
    assert kafka["partitions"] == int(example["KAFKA_TOPIC_PARTITIONS"])
    assert kafka["replicas"] == int(example["KAFKA_TOPIC_REPLICATION_FACTOR"])
    assert kafka["topicConfiguration"] == {"cleanup.policy": ["compact"]}
