"""Messages that no reader can take, written into the topic past the outbox."""

import json
import random
import uuid
from collections import namedtuple
from functools import partial

from confluent_kafka import Producer

from tests.faults.invariants import TOPIC

Poison = namedtuple("Poison", "name reason key value headers")
# Kafka allows a name to repeat, no value, and any bytes.
HEADERS = [("content-type", b"\x00\xff"), ("again", b"1"), ("again", b""), ("again", None)]
MOMENT = "2026-01-01T00:00:00.000001Z"


def event(user_id, **members):
    """A message that every reader takes; ``members`` differ, those of data by ``data``."""
    data = {
        "id": user_id,
        "version": 10**6,
        "username": "poisoned",
        "is_active": True,
        "tokens_valid_after": MOMENT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    envelope = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/users",
        "type": "user.updated.v1",
        "subject": user_id,
        "time": MOMENT,
    }
    return envelope | members | {"data": data | members.get("data", {})}


def poisons(user_id):
    """Each kind, about a user who exists."""
    key, good = user_id.encode(), json.dumps(event(user_id)).encode()

    def data(**members):
        return json.dumps(event(user_id, data=members)).encode()

    million = data(username="").replace(b'""', b'"%s"')
    million = million.replace(b"%s", b"x" * (1_000_000 - len(million) + 2))
    no_json = "the value is not JSON"
    values = [
        ("half of it", no_json, good[: len(good) // 2]),
        ("two of it", no_json, good + good),
        ("no bytes", no_json, b""),
        ("any bytes", no_json, random.Random(user_id).randbytes(999)),
        ("invalid UTF-8", no_json, good.replace(b"poisoned", b"poison\xff")),
        ("half of a surrogate pair", no_json, good.replace(b"poisoned", b"\\ud83d")),
        ("a byte order mark", no_json, b"\xef\xbb\xbf" + good),
        ("too deep", no_json, b"[" * 100_000),
        ("a number of 9999 digits", no_json, good.replace(b"1000000", b"9" * 9999)),
        ("null", "the value is null", None),
        ("an array", "the value: dict_type", b"[]"),
        ("a string for a number", "data.version: int_type", data(version="7")),
        ("a fraction", "data.version: int_type", data(version=7.5)),
        ("a word for a truth value", "data.is_active: bool_type", data(is_active="yes")),
        ("no version", "data.version: greater_than_equal", data(version=0)),
        ("beyond the last version", "data.version: less_than_equal", data(version=2**53)),
        ("beyond float", "data.version: int_type", good.replace(b"1000000", b"1e999")),
        ("beyond the calendar", "data.created_at: value_error", data(created_at=LAST)),
        ("1 MB", "data.username: string_too_long", million),
        ("NUL in a name", "data.username: string_pattern_mismatch", data(username="a\0b")),
        ("a name twice", "a member stands twice", good.replace(b'"id"', b'"id": 1, "id"', 1)),
        ("version twice", "a member stands twice", good.replace(b"1000000", b'1, "version": 2')),
        (
            "an unknown major version",
            "the major version of the type is unknown",
            json.dumps(event(user_id, type="user.updated.v2")).encode(),
        ),
    ]
    assert {len(value) for name, _, value in values if name == "1 MB"} == {1_000_000}
    wrong = "the key is not the subject"
    # One without a key is refused by Kafka: the topic is compacted.
    keys = [("an empty key", b""), ("another's key", str(uuid.uuid4()).encode())]
    return [
        *(Poison(name, reason, key, value, HEADERS) for name, reason, value in values),
        *(Poison(name, wrong, other, good, HEADERS) for name, other in keys),
    ]


# In UTC it is in a year that neither Python nor the contract has.
LAST = "9999-12-31T23:59:59-14:00"


def send(servers, poisons):
    """Gives each one by its (partition, offset)."""
    producer = Producer({"bootstrap.servers": servers, "message.max.bytes": 1_010_000})
    places = {}

    def sent(poison, error, message):
        assert error is None, f"{poison.name}: {error}"
        places[message.partition(), message.offset()] = poison

    for poison in poisons:
        producer.produce(
            TOPIC,
            poison.value,
            poison.key,
            headers=poison.headers,
            on_delivery=partial(sent, poison),
        )
    assert producer.flush(20) == 0
    return places
