"""What users_project sends is what docs/events says. Runs with the settings of users_project."""

import json

import pytest
from django.db import connection

from accounts.models import User
from outbox.models import OutboxEvent
from outbox.relay import to_message
from tests.contract.schemas import EXAMPLES, SCHEMAS, VALIDATOR

pytestmark = pytest.mark.django_db

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def messages():
    """One message of each type, as the relay sends it; the deletion is traced."""
    user = User.objects.create(username="ada", email="ada@example.com", password="!")
    User.objects.update(username="ada.lovelace")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox (aggregatetype, type, payload)"
            " SELECT 'user', 'user.snapshot.v1', user_event_data(u) FROM users AS u"
        )
        cursor.execute("SELECT set_config('outbox.traceparent', %s, true)", [TRACEPARENT])
    user.delete()
    messages = [to_message(row) for row in OutboxEvent.objects.first_pending(10)]
    return {json.loads(message.value)["type"]: message for message in messages}


@pytest.mark.parametrize("event_type", SCHEMAS["user-event.v1.json"]["properties"]["type"]["enum"])
def test_every_type_fits_the_schema(messages, event_type):
    message = messages[event_type]
    event = json.loads(message.value)
    VALIDATOR.validate(event)
    assert event["type"] == event_type
    assert message.key.decode() == event["subject"] == event["data"]["id"]
    assert ("content-type", b"application/cloudevents+json") in message.headers


@pytest.mark.parametrize("event_type", EXAMPLES)
def test_an_example_has_the_members_of_the_real_message(messages, event_type):
    example, real = json.loads(EXAMPLES[event_type]), json.loads(messages[event_type].value)
    assert set(example) == set(real)
    assert set(example["data"]) == set(real["data"])
    assert example["dataschema"] == real["dataschema"]


def test_a_trace_context_is_in_the_message_and_its_headers(messages):
    message = messages["user.deleted.v1"]
    assert json.loads(message.value)["traceparent"] == TRACEPARENT
    assert ("traceparent", TRACEPARENT.encode()) in message.headers
    assert "traceparent" not in dict(messages["user.created.v1"].headers)
