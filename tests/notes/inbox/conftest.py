"""A consumer of a topic of its own."""

import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from config import roles
from inbox.consumer import EventConsumer
from inbox.kafka import Subscription, consumer_config
from tests.notes.inbox.consuming import create


@pytest.fixture(autouse=True)
def as_the_owner(monkeypatch):
    """Commands run in this process, which owns the tables."""
    monkeypatch.setattr(roles, "require", lambda _: None)


@pytest.fixture(params=["classic", "consumer"])
def protocol(request):
    return request.param


@pytest.fixture
def created_topic(kafka, topic):
    create(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), topic)
    return topic


@pytest.fixture
def send(kafka, created_topic):
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

    def send(*messages):
        for message in messages:
            producer.produce(created_topic, message.value, message.key)
        producer.flush()

    return send


@pytest.fixture
def configured(kafka, created_topic, protocol, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = created_topic
    settings.KAFKA_GROUP_ID = f"notes-{uuid.uuid4()}"
    settings.KAFKA_GROUP_PROTOCOL = protocol
    return consumer_config(kafka.bootstrap_servers, settings.KAFKA_GROUP_ID, protocol)


@pytest.fixture
def subscription(configured, created_topic):
    subscription = Subscription(configured, created_topic)
    yield subscription
    subscription.close()


@pytest.fixture
def consumer(subscription, created_topic):
    return EventConsumer(subscription, created_topic)
