"""Topics for benchmarks: made, filled with events of users, and read back."""

import json
import os
import uuid
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from devstack.processes import wait_until

PARTITIONS = 12  # as KAFKA_TOPIC_PARTITIONS has it
SERVERS = os.environ["KAFKA_BOOTSTRAP_SERVERS"]


def create() -> str:
    """A new topic; returns its name."""
    name = f"benchmark-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": SERVERS})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result()
    assert wait_until(lambda: _has_leaders(name), 30)
    return name


def _has_leaders(topic: str) -> bool:
    try:
        return ends(topic) == [0] * PARTITIONS
    except KafkaException:
        return False


def fill(topic: str, messages: Iterator[tuple[str, bytes]]) -> None:
    """Sends messages, as pairs of key and value, and waits until the broker has all."""
    producer = Producer({"bootstrap.servers": SERVERS, "partitioner": "murmur2_random"})
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def ends(topic: str) -> list[int]:
    """The offset after the last message of each partition."""
    consumer = Consumer({"bootstrap.servers": SERVERS, "group.id": "-"})
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    offsets = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]
    consumer.close()
    return offsets


def read(topic: str, offsets: list[int]) -> list[bytes]:
    """The values of all messages from these offsets on, one for each partition."""
    config = {"bootstrap.servers": SERVERS, "group.id": "-", "enable.partition.eof": True}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(topic, *place) for place in enumerate(offsets)])
    values, ended = [], 0
    while ended < PARTITIONS:
        for message in consumer.consume(1000, 0.1):
            if message.error() is None:
                values.append(message.value())
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended += 1
    consumer.close()
    return values


def user_events(users: int, events: int) -> Iterator[tuple[str, bytes]]:
    """Keys and values of events by the contract: each user's creation, then updates in turn.

    Each message also suits the peer's consumer, which takes ``id`` and ``username`` from the top.
    """
    ids = [str(uuid.uuid4()) for _ in range(users)]
    time = "2026-01-01T00:00:00.000001Z"
    for number in range(events):
        user_id, version = ids[number % users], 1 + number // users
        username = f"user-{number % users}-{version}"
        event = {
            "specversion": "1.0",
            "id": user_id,
            "source": "/users",
            "type": "user.created.v1" if version == 1 else "user.updated.v1",
            "subject": user_id,
            "time": time,
            "datacontenttype": "application/json",
            "dataschema": "user-events/user.v1.json",
            "username": username,
            "data": {
                "id": user_id,
                "version": version,
                "username": username,
                "is_active": True,
                "tokens_valid_after": time,
                "created_at": time,
                "updated_at": time,
            },
        }
        yield user_id, json.dumps(event).encode()
