"""The topic and the publisher, against a real broker."""

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from outbox.kafka import OutgoingMessage, Publisher, producer_config
from outbox.models import OutboxEvent
from outbox.relay import Relay
from outbox.topic import TopicDiffers, TopicImpossible, create_topic

AS_ASKED = {"partitions": 3, "replication_factor": 1, "min_insync_replicas": 1}


def message(key, value):
    return OutgoingMessage(key.encode(), value.encode(), (("content-type", b"test"),))


def read(kafka, topic):
    """All messages of the topic, by key, in the order of their partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "test",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(3)])
    ended, values = 0, {}
    while ended < 3:
        for found in consumer.consume(100, 1):
            if found.error():
                ended += 1
            else:
                values.setdefault(found.key().decode(), []).append(found.value().decode())
    consumer.close()
    return values


def never():
    return False


def test_the_topic_is_compacted_and_safe_to_ask_for_again(kafka, created_topic):
    assert not create_topic(kafka.bootstrap_servers, created_topic, **AS_ASKED)


def test_a_topic_that_differs_is_named_with_its_difference(kafka, created_topic):
    with pytest.raises(TopicDiffers, match=r"^partitions is 3, not 4$"):
        create_topic(kafka.bootstrap_servers, created_topic, **AS_ASKED | {"partitions": 4})


def test_the_command_says_what_differs(kafka, created_topic, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = created_topic
    with pytest.raises(CommandError, match=r"exists and differs: partitions is 3, not 12\."):
        call_command("create_topics")


def test_a_topic_that_forgets_is_named_with_what_sets_it_right(kafka, created_topic, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC, settings.KAFKA_TOPIC_PARTITIONS = created_topic, 3
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def set_policy(value):
        entry = ConfigEntry("cleanup.policy", value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, created_topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result()

    set_policy("delete")
    with pytest.raises(CommandError, match=r"cleanup.policy is delete, not compact\. .*configs"):
        call_command("create_topics")
    set_policy("compact")
    call_command("create_topics")


@pytest.mark.django_db(transaction=True)
def test_a_missing_topic_is_said_with_what_makes_it(kafka, topic, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC = kafka.bootstrap_servers, topic
    with pytest.raises(CommandError, match=r"Unknown topic or partition\. .* create_topics"):
        call_command("reconcile_topic")


def test_more_copies_than_brokers_cannot_be_had(kafka, topic):
    with pytest.raises(TopicImpossible, match="replication"):
        create_topic(kafka.bootstrap_servers, topic, **AS_ASKED | {"replication_factor": 3})


def test_a_name_that_no_topic_can_have(kafka, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = "bad topic!"
    with pytest.raises(CommandError, match=r"no topic bad topic! as .*Correct the KAFKA_TOPIC"):
        call_command("create_topics")


def test_messages_of_a_key_keep_their_order(kafka, created_topic, publisher):
    batch = [message(f"key {n % 7}", str(n)) for n in range(700)]
    assert publisher.publish(batch, never) == [None] * 700
    found = read(kafka, created_topic)
    assert found == {f"key {k}": [str(n) for n in range(k, 700, 7)] for k in range(7)}


def test_a_message_that_is_too_large_fails_alone(kafka, created_topic, publisher):
    batch = [message("a", "1"), message("b", "x" * 2_000_000), message("c", "3")]
    first, second, third = publisher.publish(batch, never)
    assert first is third is None
    assert "too large" in second.text
    assert second.of_message
    assert set(read(kafka, created_topic)) == {"a", "c"}


def test_a_missing_topic_is_a_failure_of_every_message(kafka, topic):
    config = producer_config(kafka.bootstrap_servers) | {"delivery.timeout.ms": 1000}
    publisher = Publisher(config, topic)
    assert None not in publisher.publish([message("a", "1")], never)
    publisher.close()


@pytest.mark.django_db(transaction=True)
def test_the_outbox_waits_for_the_broker(kafka, created_topic, log):
    config = producer_config(kafka.bootstrap_servers) | {"delivery.timeout.ms": 1000}
    relay = Relay(lambda: Publisher(config, created_topic), stop=never)
    user = User.objects.create(username="ada", email="ada@example.com", password="!")
    kafka.stop()
    try:
        assert relay.step() == 0
        User.objects.update(username="lovelace")
        assert OutboxEvent.objects.count() == 2
        assert "create the topic with `manage.py create_topics`" in log.getvalue()
    finally:
        kafka.start()
        kafka.wait_ready()
    while OutboxEvent.objects.exists():
        relay.step()
    assert len(read(kafka, created_topic)[str(user.id)]) >= 2
    assert '"lovelace"' in read(kafka, created_topic)[str(user.id)][-1]
    connection.close()


def test_a_relay_that_was_stopped_before_it_sends_looks_first(kafka, created_topic, publisher):
    """Another relay may be active by now; what was read is not sent."""
    assert None not in publisher.publish([message("a", "1")], give_up=lambda: True)
    assert publisher.publish([message("a", "2")], never) == [None]
    assert read(kafka, created_topic) == {"a": ["2"]}
