"""What users_project sends is what docs/events says. Runs with the settings of users_project.

The messages are written by the triggers, sent by the relay and read from a real Kafka.
"""

import json
import re

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.core.management import call_command
from django.db import connection, transaction

from accounts.models import User
from outbox.kafka import Publisher, producer_config
from outbox.messages import LAST_VERSION
from outbox.models import OutboxEvent
from outbox.relay import Relay
from outbox.topic import create_topic
from tests.contract.schemas import EXAMPLES, HEADERS, SCHEMAS, VALIDATOR

pytestmark = pytest.mark.django_db(transaction=True)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def messages(kafka, topic, monkeypatch):
    """One message of each type, of the user of the examples; the deletion is traced."""
    user = User.objects.create(username="ada", email="ada@example.com", password="!")
    User.objects.update(username="ada.lovelace")
    call_command("republish_users", str(user.pk))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('outbox.traceparent', %s, true)", [TRACEPARENT])
        user.delete()

    servers = kafka.bootstrap_servers
    create_topic(servers, topic, partitions=1, replication_factor=1, min_insync_replicas=1)
    monkeypatch.setattr("outbox.relay.TAKE_OVER", 0.0)
    publisher = Publisher(producer_config(servers), topic)
    assert Relay(lambda: publisher, stop=lambda: False).step() == 4
    connection.close()
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "unused"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.consume(4, 30)
    consumer.close()
    return {json.loads(message.value())["type"]: message for message in found}


def headers(message):
    return {name: value.decode() for name, value in message.headers()}


def normal(event):
    """The event with numbers for its ids, and with one moment for all times."""
    ids = []

    def number(match):
        if match[0] not in ids:
            ids.append(match[0])
        return f"id {ids.index(match[0])}"

    text = json.dumps(event, sort_keys=True)
    return json.loads(TIME.sub("time", UUID.sub(number, text)))


def test_every_type_fits_the_schemas_of_its_value_and_its_headers(messages):
    assert set(messages) == set(SCHEMAS["user-event.v1.json"]["properties"]["type"]["enum"])
    for message in messages.values():
        event = json.loads(message.value())
        VALIDATOR.validate(event)
        HEADERS.validate(headers(message))
        assert message.key().decode() == event["subject"] == event["data"]["id"]


def test_the_examples_are_the_real_messages(messages):
    """Member by member; ids and times differ, and are in the same places."""
    real = {name: normal(json.loads(message.value())) for name, message in messages.items()}
    assert {name: normal(json.loads(text)) for name, text in EXAMPLES.items()} == real


def test_the_triggers_the_schemas_and_the_commands_have_one_last_version(db):
    User.objects.create(username="ada", email="ada@example.com", password="!")
    User.objects.update(version=2**63 - 1)
    User.objects.all().delete()
    _, lifted, deleted = OutboxEvent.objects.pending()
    for event in (lifted, deleted):
        assert event.payload["data"]["version"] == LAST_VERSION
        VALIDATOR.validate(event.payload)
        event.payload["data"]["version"] += 1
        assert not VALIDATOR.is_valid(event.payload)


def test_a_trace_context_is_in_the_message_and_its_headers(messages):
    message = messages["user.deleted.v1"]
    assert json.loads(message.value())["traceparent"] == TRACEPARENT
    assert headers(message)["traceparent"] == TRACEPARENT
    assert "traceparent" not in headers(messages["user.created.v1"])
