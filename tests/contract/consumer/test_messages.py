"""What notes_project accepts is what docs/events says. Runs with the settings of notes_project."""

import copy
import json

import pytest

from inbox.messages import InvalidMessage, Kind, RawMessage, parse
from tests.contract.schemas import EXAMPLES, SCHEMAS, VALIDATOR
from users.gate import LAST_VERSION

KINDS = {
    "user.created.v1": Kind.STATE,
    "user.updated.v1": Kind.STATE,
    "user.snapshot.v1": Kind.SNAPSHOT,
    "user.deleted.v1": Kind.DELETION,
}


def read(event, key=None):
    subject = event.get("subject", "") if isinstance(event, dict) else ""
    return parse(
        RawMessage("user-events", 0, 0, key or str(subject).encode(), json.dumps(event).encode())
    )


def test_every_type_of_the_contract_has_an_example_and_a_kind():
    types = set(SCHEMAS["user-event.v1.json"]["properties"]["type"]["enum"])
    assert types == set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("event_type", EXAMPLES)
def test_an_example_fits_the_schema_and_is_read(event_type):
    event = json.loads(EXAMPLES[event_type])
    VALIDATOR.validate(event)
    read_event = read(event)
    assert read_event.kind is KINDS[event_type]
    assert read_event.event_id == event["id"]
    assert str(read_event.user_id) == event["subject"]
    assert read_event.version == event["data"]["version"]
    if read_event.state:
        assert read_event.state.username == event["data"]["username"]


def members(schema):
    return [(name, kind) for name in schema["required"] for kind in ("missing", "wrong")]


@pytest.mark.parametrize(("member", "fault"), members(SCHEMAS["user.v1.json"]))
def test_what_the_schema_refuses_in_the_data_is_refused(member, fault):
    event = json.loads(EXAMPLES["user.updated.v1"])
    if fault == "missing":
        del event["data"][member]
    else:
        event["data"][member] = ["wrong"]
    assert not VALIDATOR.is_valid(event)
    if member == "updated_at":  # Not used here, so not looked at.
        read(event)
    else:
        with pytest.raises(InvalidMessage, match=rf"^data\.{member}: "):
            read(event)


@pytest.mark.parametrize("event_type", ["user.updated.v1", "user.deleted.v1"])
def test_versions_end_where_the_schema_says(event_type):
    event = json.loads(EXAMPLES[event_type])
    event["data"]["version"] = LAST_VERSION
    VALIDATOR.validate(event)
    assert read(event).version == LAST_VERSION
    event["data"]["version"] += 1
    assert not VALIDATOR.is_valid(event)
    with pytest.raises(InvalidMessage, match=r"^data\.version: less_than_equal"):
        read(event)


@pytest.mark.parametrize(
    "text", ["1", "2026-01-01", "2026-01-01T00:00:00", "\uff12026-01-01T00:00:00Z"]
)
@pytest.mark.parametrize("member", ["tokens_valid_after", "created_at"])
def test_what_is_no_date_time_is_refused(member, text):
    event = json.loads(EXAMPLES["user.updated.v1"])
    event["data"][member] = text
    assert not VALIDATOR.is_valid(event)
    with pytest.raises(InvalidMessage, match=rf"^data\.{member}: value_error"):
        read(event)


@pytest.mark.parametrize("member", ["specversion", "id", "source", "type", "subject", "time"])
def test_what_the_schema_refuses_in_the_envelope_is_refused(member):
    event = json.loads(EXAMPLES["user.updated.v1"])
    del event[member]
    assert not VALIDATOR.is_valid(event)
    with pytest.raises(InvalidMessage):
        read(event)


@pytest.mark.parametrize("member", ["id", "type", "version", "username"])
def test_a_member_that_stands_twice_is_refused(member):
    event = json.loads(EXAMPLES["user.updated.v1"])
    value = json.dumps(event).replace(f'"{member}":', f'"{member}": 1, "{member}":')
    assert json.loads(value) == event
    with pytest.raises(InvalidMessage, match=r"^a member stands twice$"):
        parse(RawMessage("t", 0, 0, event["subject"].encode(), value.encode()))


def test_unknown_members_are_ignored():
    event = json.loads(EXAMPLES["user.updated.v1"])
    plain = read(copy.deepcopy(event))
    event["extension"] = {"a": [1]}
    event["data"]["shoe_size"] = 43
    VALIDATOR.validate(event)
    assert read(event) == plain
