"""The whole topic, read without joining the group, and who is in the group."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from inbox.kafka import BROKER_TIMEOUT, BrokerUnavailable, partitions_of, raw_message
from inbox.messages import RawMessage

_NO_LEADER_YET = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def end_offsets(servers: str, topic: str) -> dict[int, tuple[int, int]]:
    """The first and the next offset of each partition. Joins no group.

    Raises:
        BrokerUnavailable, CannotRead: as for a Subscription.
    """
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "unused", "allow.auto.create.topics": False},
        logger=logging.getLogger("librdkafka"),
    )
    try:
        return {
            number: _watermarks(consumer, TopicPartition(topic, number))
            for number in partitions_of(consumer, topic)
        }
    except KafkaException as error:
        raise BrokerUnavailable(str(error.args[0])) from error
    finally:
        consumer.close()


def _watermarks(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Waits for a partition whose leader is being elected, as just after the topic was made."""
    deadline = time.monotonic() + BROKER_TIMEOUT
    while True:
        try:
            return consumer.get_watermark_offsets(place, BROKER_TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER_YET or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def read_topic(servers: str, topic: str, limit: int) -> Iterator[list[RawMessage]]:
    """All messages from the beginning to what is the end now, in batches. Joins no group.

    Raises:
        BrokerUnavailable, CannotRead: as for a Subscription.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
        },
        logger=logging.getLogger("librdkafka"),
    )
    try:
        unread = set(partitions_of(consumer, topic))
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
        silent_since = time.monotonic()
        while unread:
            # It waits until there are ``limit`` messages, so not for long.
            fetched = consumer.consume(limit, 0.2)
            if fetched:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > BROKER_TIMEOUT:
                raise BrokerUnavailable(f"no message within {BROKER_TIMEOUT:.0f} s")
            yield [raw_message(message) for message in fetched if message.error() is None]
            for error in (message.error() for message in fetched):
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise BrokerUnavailable(error.str())
            unread -= {message.partition() for message in fetched if message.error() is not None}
    finally:
        consumer.close()


def group_size(servers: str, group_id: str) -> int:
    """How many members a consumer group has, 0 where there is no such group.

    Raises:
        BrokerUnavailable: the broker does not answer.
    """
    admin = AdminClient({"bootstrap.servers": servers}, logger=logging.getLogger("librdkafka"))
    try:
        described = admin.describe_consumer_groups([group_id], request_timeout=BROKER_TIMEOUT)
        return len(described[group_id].result().members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise BrokerUnavailable(str(error.args[0])) from error
