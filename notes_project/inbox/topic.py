"""The whole topic, read without joining the group, and who is in the group."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterator
from operator import methodcaller
from typing import cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from config.kafka import connection_config
from inbox.messages import RawMessage
from inbox.positions import CannotRead

# A broker that does not answer for this long is treated as away; seconds.
BROKER_TIMEOUT = 5.0
_FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
NOT_PASSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, *_FORBIDDEN)
# Of a consumer. By default 64 MB and more; and a full queue is looked at again soon, not in 1 s.
READ_AHEAD = {"queued.max.messages.kbytes": 2048, "fetch.queue.backoff.ms": 10}
_SPECS = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]


class BrokerUnavailable(Exception):
    """The broker did not answer; try again."""


def unavailable(client: Consumer | AdminClient, error: KafkaError) -> BrokerUnavailable:
    client.poll(0)  # librdkafka's log comes out: nothing else tells of a wrong password.
    return BrokerUnavailable(f"Kafka does not answer: {error.str()}")


def unreadable(topic: str, error: KafkaError) -> CannotRead:
    """With what to do about it."""
    text = f"The topic {topic} cannot be read: {error.str()}."
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        text += " Create it with `manage.py create_topics` of users_project."
    if error.code() in _FORBIDDEN:
        text += " Kafka's rules do not let KAFKA_USERNAME do so: docs/security.md, Kafka."
    return CannotRead(text)


def partitions_of(client: Consumer | AdminClient, topic: str) -> list[int]:
    """Raises BrokerUnavailable, and CannotRead where there is no such topic."""
    try:
        found = client.list_topics(topic, BROKER_TIMEOUT).topics[topic]
    except KafkaException as error:
        raise unavailable(client, error.args[0]) from error
    if found.error is not None:
        raise unreadable(topic, found.error)
    return list(found.partitions)


def end_offsets(servers: str, topic: str) -> dict[int, tuple[int, int]]:
    """The first and the next offset of each partition. Joins no group.

    Raises:
        BrokerUnavailable, CannotRead: as for a Subscription.
    """
    admin = AdminClient(connection_config(servers), logger=logging.getLogger("librdkafka"))
    numbers = set(partitions_of(admin, topic))
    found = bounds(admin, topic, numbers)
    if len(found) < len(numbers):
        raise BrokerUnavailable(f"no answer about the partitions {sorted(numbers - found.keys())}")
    return found


def bounds(admin: AdminClient, topic: str, numbers: Collection[int]) -> dict[int, tuple[int, int]]:
    """The first and the next offset of those of the partitions whose broker answers in time.

    It waits for a partition whose leader is being elected, as just after the topic was made.
    """
    deadline = time.monotonic() + BROKER_TIMEOUT
    found: dict[int, tuple[int, int]] = {}
    while True:
        asked = [TopicPartition(topic, number) for number in set(numbers) - found.keys()]
        lows, highs = (_offsets(admin, asked, spec) for spec in _SPECS)
        found |= {number: (lows[number], highs[number]) for number in lows.keys() & highs.keys()}
        if len(found) == len(numbers) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    timeout = BROKER_TIMEOUT / 2
    answers = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=timeout)
    found = {}
    for place, answer in answers.items():
        with contextlib.suppress(KafkaException):
            found[place.partition] = answer.result().offset
    # While a partition changes its leader there can be an answer without an offset: -1001.
    return {number: offset for number, offset in found.items() if offset >= 0}


def read_topic(servers: str, topic: str, limit: int) -> Iterator[list[RawMessage]]:
    """All messages from the beginning to what is the end now, in batches. Joins no group.

    Raises:
        BrokerUnavailable, CannotRead: as for a Subscription.
    """
    consumer = Consumer(
        {
            **connection_config(servers),
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            **READ_AHEAD,
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
            for message in fetched:
                error = message.error()
                if error is None or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                    continue  # librdkafka asks about the group that it does not join.
                if error.code() != KafkaError._PARTITION_EOF:
                    raise unavailable(consumer, error)
                unread.discard(message.partition() or 0)
    finally:
        consumer.close()


def group_size(servers: str, group_id: str) -> int:
    """How many members a consumer group has, 0 where there is no such group.

    Raises:
        BrokerUnavailable: the broker does not answer.
    """
    admin = AdminClient(connection_config(servers), logger=logging.getLogger("librdkafka"))
    try:
        described = admin.describe_consumer_groups([group_id], request_timeout=BROKER_TIMEOUT)
        return len(described[group_id].result().members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise unavailable(admin, error.args[0]) from error


def raw_message(message: Message) -> RawMessage:
    return RawMessage(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.key(),
        message.value(),
        _headers(message),
    )


# ``message.headers()`` gives a broken list where a name is not UTF-8, and leaves the exception set;
# only a call from C notices, and raises SystemError.
_ask_for_headers = methodcaller("headers")


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    """None where a name is not UTF-8: nothing here needs them."""
    try:
        headers = _ask_for_headers(message)
    except (SystemError, UnicodeDecodeError):
        return ()
    return tuple(cast("list[tuple[str, bytes | None]]", headers or []))
