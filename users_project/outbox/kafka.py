"""The only module of this project that knows confluent_kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub hides three
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

_OF_MESSAGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD)
# A broker that does not answer for this long is treated as away; seconds.
BROKER_TIMEOUT = 5.0


class BrokerUnavailable(Exception):
    """The broker did not answer; try again."""


class ProducerBroken(Exception):
    """This producer can send nothing more (librdkafka calls the error fatal); make a new one."""


class TopicDiffers(Exception):
    """The topic exists and is not as the settings ask; the text says how."""


Report = Callable[[KafkaError | None, Message | None], None]


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not sent; ``of_message``: because of what it is, at any broker."""

    text: str
    of_message: bool = False


def producer_config(servers: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": servers,
        "client.id": "relay_outbox",
        # Order and no duplicates through the producer's own retries; implies acks=all.
        "enable.idempotence": True,
        "acks": "all",
        # The partitioner of Java clients: both sides put a key into the same partition.
        "partitioner": "murmur2_random",
        # Only while a batch is handed over: the flush behind it waits for nothing.
        "linger.ms": 100,
        # Well below the time after which another relay takes over from a silent one.
        "delivery.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 1000,
        "allow.auto.create.topics": False,
    }


class Publisher:
    """Sends batches and waits for the broker's reports."""

    def __init__(self, config: dict[str, Any], topic: str) -> None:
        self._topic = topic
        self._fatal: KafkaError | None = None
        self._producer = Producer(
            {**config, "error_cb": self._on_error}, logger=logging.getLogger("librdkafka")
        )

    def publish(
        self, messages: Sequence[OutgoingMessage], give_up: Callable[[], bool]
    ) -> list[Failure | None]:
        """Sends the messages in order and waits until each is acknowledged or has failed.

        Args:
            messages: those of one key stay in their order.
            give_up: asked about twice a second while waiting; true ends the wait, and what it
                raises comes out of here.

        Returns:
            For each message None once the broker has it, else what went wrong. A message that
            failed may have reached the broker all the same.

        Raises:
            ProducerBroken: some messages will never get a report.
        """
        results: list[Failure | None] = [Failure("no report from the broker")] * len(messages)
        for index, message in enumerate(messages):
            self._produce(message, partial(_report, results, index), give_up)
        while self._producer.flush(0.5) and not give_up():
            self._raise_if_fatal()
        self._raise_if_fatal()
        return results

    def close(self) -> None:
        """Forgets what was not sent: it is still in the outbox."""
        self._producer.purge()
        self._producer.flush(1)

    def _produce(
        self, message: OutgoingMessage, report: Report, give_up: Callable[[], bool]
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    message.value,
                    message.key,
                    on_delivery=report,
                    headers=list(message.headers),
                )
            except BufferError:  # The local queue is full: let reports come in.
                self._producer.poll(0.5)
                if give_up():
                    break
            except KafkaException as error:
                report(error.args[0], None)
                break
            else:
                break

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error

    def _raise_if_fatal(self) -> None:
        if self._fatal is not None:
            raise ProducerBroken(self._fatal.str())


def _report(
    results: list[Failure | None], index: int, error: KafkaError | None, _: Message | None
) -> None:
    of_message = error is not None and error.code() in _OF_MESSAGE
    results[index] = None if error is None else Failure(error.str(), of_message)


def create_topic(
    servers: str, topic: str, *, partitions: int, replication_factor: int, min_insync_replicas: int
) -> bool:
    """Creates the compacted topic; returns False where it already is as asked.

    Raises:
        TopicDiffers: it exists otherwise. Partitions are never added to a live topic: that
            would send the keys of users to other partitions and break the order of their events.
        BrokerUnavailable: the broker does not answer, or cannot create it.
    """
    admin = AdminClient({"bootstrap.servers": servers}, logger=logging.getLogger("librdkafka"))
    config = {
        "cleanup.policy": "compact",
        "min.insync.replicas": str(min_insync_replicas),
    }
    new = NewTopic(topic, partitions, replication_factor, config=config)
    try:
        admin.create_topics([new], request_timeout=BROKER_TIMEOUT)[topic].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise BrokerUnavailable(error.args[0].str()) from error
    else:
        return True
    differences = _differences(admin, topic, partitions, replication_factor, config)
    if differences:
        raise TopicDiffers("; ".join(differences))
    return False


def _differences(
    admin: AdminClient, topic: str, partitions: int, replication_factor: int, config: dict[str, str]
) -> list[str]:
    wanted = {
        "partitions": str(partitions),
        "replication factor": str(replication_factor),
        **config,
    }
    try:
        layout = admin.list_topics(topic, BROKER_TIMEOUT).topics[topic].partitions
        resource = ConfigResource(ResourceType.TOPIC, topic)
        described = admin.describe_configs([resource], request_timeout=BROKER_TIMEOUT)
        current = described[resource].result()
    except KafkaException as error:
        raise BrokerUnavailable(error.args[0].str()) from error
    found = {
        "partitions": str(len(layout)),
        "replication factor": str(min(len(partition.replicas) for partition in layout.values())),
        **{name: current[name].value for name in config},
    }
    return [
        f"{name} is {found[name]}, not {wanted[name]}"
        for name in wanted
        if found[name] != wanted[name]
    ]


def read_topic(servers: str, topic: str, limit: int) -> Iterator[list[bytes]]:
    """The values of all messages from the beginning to what is the end now, in batches.

    Joins no group.

    Raises:
        BrokerUnavailable: the broker does not answer, or there is no such topic.
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
        found = consumer.list_topics(topic, BROKER_TIMEOUT).topics[topic]
        if found.error is not None:
            raise BrokerUnavailable(found.error.str())
        unread = set(found.partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
        silent_since = time.monotonic()
        while unread:
            # It waits until there are ``limit`` messages, so not for long.
            fetched = consumer.consume(limit, 0.2)
            if fetched:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > BROKER_TIMEOUT:
                raise BrokerUnavailable(f"no message within {BROKER_TIMEOUT:.0f} s")
            for message in fetched:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise BrokerUnavailable(error.str())
            unread -= {message.partition() for message in fetched if message.error() is not None}
            values = (message.value() for message in fetched if message.error() is None)
            yield [value for value in values if value is not None]
    except KafkaException as error:
        raise BrokerUnavailable(error.args[0].str()) from error
    finally:
        consumer.close()
