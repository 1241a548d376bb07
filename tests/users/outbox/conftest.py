import pytest
from django.db import connection

from accounts.models import User
from outbox.kafka import Publisher, producer_config
from outbox.models import OutboxEvent
from outbox.relay import Relay
from outbox.topic import create_topic


@pytest.fixture
def created_topic(kafka, topic):
    created = create_topic(
        kafka.bootstrap_servers, topic, partitions=3, replication_factor=1, min_insync_replicas=1
    )
    assert created
    return topic


@pytest.fixture
def publisher(kafka, created_topic):
    publisher = Publisher(producer_config(kafka.bootstrap_servers), created_topic)
    yield publisher
    publisher.close()


@pytest.fixture
def pipeline(kafka, created_topic, settings):
    """Sends all that the outbox has to the topic that the settings name."""
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = created_topic
    config = producer_config(kafka.bootstrap_servers)
    relay = Relay(lambda: Publisher(config, created_topic), stop=lambda: False)

    def drain():
        while OutboxEvent.objects.exists():
            relay.step()

    yield drain
    connection.close()


@pytest.fixture
def new_users(transactional_db):
    def new_users(*names):
        return User.objects.bulk_create(
            [User(username=name, email=f"{name}@example.com", password="!") for name in names]
        )

    return new_users
