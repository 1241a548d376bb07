"""The membership of the consumer group. This module and ``topic`` alone know confluent_kafka."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from config.kafka import connection_config
from inbox.messages import RawMessage
from inbox.positions import require_inside
from inbox.topic import (
    BROKER_TIMEOUT,
    NOT_PASSING,
    READ_AHEAD,
    BrokerUnavailable,
    bounds,
    partitions_of,
    raw_message,
    unavailable,
    unreadable,
)

logger = structlog.get_logger(__name__)


def consumer_config(servers: str, group_id: str, group_protocol: str) -> dict[str, Any]:
    """Settings for librdkafka; the database keeps the positions, so nothing is automatic."""
    config: dict[str, Any] = {
        **connection_config(servers),
        "group.id": group_id,
        "group.protocol": group_protocol,
        "client.id": "consume_user_events",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Every start is given by the stored position; anything else is looked into, not guessed.
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "reconnect.backoff.max.ms": 1000,
        **READ_AHEAD,
        # A topic that was deleted or made anew is noticed after this time; 5 min by default.
        "topic.metadata.refresh.interval.ms": 10_000,
        # Also how long an answer to JoinGroup is waited for, in which the group gives this member
        # no partition; 5 min by default. Longer than the longest transaction (TRANSACTION_LIMIT).
        "max.poll.interval.ms": 90_000,
    }
    if group_protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
        # How long a killed worker holds up its successor; 45 s by default.
        config["session.timeout.ms"] = 10_000
    return config


class Subscription:
    """A member of the consumer group, as far as the consumer needs it.

    Kafka assigns partitions; reading one begins when ``start`` is called for it, because where
    it begins is in the database and the database may be away at the moment of the assignment.
    """

    def __init__(self, config: Mapping[str, Any], topic: str) -> None:
        self._consumer = Consumer(
            {**config, "on_commit": _log_refusal}, logger=logging.getLogger("librdkafka")
        )
        # It asks the broker that it knows as the controller, and learns of another by a refresh.
        shared = ("bootstrap.servers", "security.", "ssl.", "sasl.", "topic.metadata.refresh.")
        self._admin = AdminClient(
            {name: value for name, value in config.items() if name.startswith(shared)},
            logger=logging.getLogger("librdkafka"),
        )
        self._topic = topic
        self.waiting: set[int] = set()
        self.reading: set[int] = set()
        self.at_end: set[int] = set()
        self._next: dict[int, int] = {}
        self._paused = False
        self._joined = False
        self._partitions = set(partitions_of(self._consumer, topic))

    def consume(self, limit: int, timeout: float) -> list[RawMessage]:
        """Up to ``limit`` messages, as soon as there is one, after ``timeout`` seconds at most.

        The first call joins the group: a worker that finds before that it cannot read leaves no
        member behind for whose session others would wait.

        Raises:
            CannotRead: a position is outside of the topic.
            BrokerUnavailable: the broker refuses for now.
        """
        if not self._joined:
            self._consumer.subscribe([self._topic], self._assigned, self._revoked, self._revoked)
            self._joined = True
        messages = []
        for message in self._fetched(limit, timeout):
            error = message.error()
            if error is None:
                messages.append(read := raw_message(message))
                self.at_end.discard(read.partition)
                self._next[read.partition] = read.offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self.at_end.add(message.partition() or 0)
            else:
                self._handle(error)
        # A partition revoked inside this call may still be among them (confluent-kafka #1013).
        return [message for message in messages if message.partition in self.reading]

    def start(self, positions: Mapping[int, int]) -> None:
        """Begins to read the waiting partitions, at ``positions`` (partition: next offset).

        Where there is none it begins at the beginning. The group's committed offset never counts:
        it may be ahead of a database that came back from a backup.

        Raises:
            CannotRead: a position is not inside of its partition.
            BrokerUnavailable: these partitions stay waiting; those whose broker answers begin.
        """
        found = bounds(self._admin, self._topic, self.waiting)
        places = [
            TopicPartition(self._topic, number, self._start_of(number, positions, *ends))
            for number, ends in sorted(found.items())
        ]
        self._consumer.incremental_assign(places)
        self._next |= {place.partition: place.offset for place in places}
        self.reading |= found.keys()
        self.at_end -= found.keys()
        self.waiting -= found.keys()
        if self._paused:
            self.pause()
        if self.waiting:
            raise BrokerUnavailable(f"no answer about the partitions {sorted(self.waiting)}")

    def others_at_end(self, positions: Mapping[int, int]) -> bool:
        """Whether ``positions`` reach the end of each partition that this member does not read.

        Raises:
            CannotRead: a position is not inside of its partition.
        """
        others = self._partitions - self.reading
        found = bounds(self._admin, self._topic, others) if others else {}
        starts = {n: self._start_of(n, positions, *ends) for n, ends in found.items()}
        return found.keys() == others and all(starts[n] == found[n][1] for n in others)

    def start_again(self) -> None:
        """Has all its partitions wait for ``start`` once more."""
        self._consumer.incremental_unassign(self._places())
        self.waiting |= self.reading
        self.reading.clear()

    def topic_id(self) -> str:
        """Kafka's id of the topic; one that is made anew under the same name has another (KIP-516).

        Raises:
            BrokerUnavailable, CannotRead.
        """
        try:
            names = TopicCollection([self._topic])
            described = self._admin.describe_topics(names, request_timeout=BROKER_TIMEOUT)
            return str(described[self._topic].result().topic_id)
        except KafkaException as error:
            if error.args[0].code() in NOT_PASSING:
                raise unreadable(self._topic, error.args[0]) from error
            raise unavailable(self._admin, error.args[0]) from error

    def pause(self) -> None:
        """Stops the flow and keeps the membership, as long as ``consume`` is called."""
        self._paused = True
        self._consumer.pause(self._places())

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._consumer.resume(self._places())

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Tells the group how far the partitions are applied, for those who watch its lag.

        It does not wait for the answer: without a coordinator that wait never ends, and the
        stored positions are what counts.
        """
        places = [
            TopicPartition(self._topic, number, offset) for number, offset in next_offsets.items()
        ]
        try:
            self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            logger.warning("offsets_not_committed", error=error.args[0].str())

    def lag(self) -> int:
        """Messages of the partitions it reads that it has not given out, as last heard."""
        ends = {
            place.partition: self._consumer.get_watermark_offsets(place, cached=True)[1]
            for place in self._places()
        }
        return sum(max(0, end - self._next[number]) for number, end in ends.items())

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def _fetched(self, limit: int, timeout: float) -> list[Message]:
        """``consume`` with a timeout would wait until there are ``limit`` messages."""
        first = self._consumer.poll(timeout)
        return [] if first is None else [first, *self._consumer.consume(limit - 1, 0)]

    def _places(self) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in sorted(self.reading)]

    def _start_of(self, number: int, positions: Mapping[int, int], low: int, high: int) -> int:
        stored = positions.get(number, 0)
        require_inside(f"{self._topic}[{number}]", stored, low, high)
        return max(stored, low)

    def _handle(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            # The topic changed under a running worker: look at the positions again.
            self.start_again()
        elif error.code() in NOT_PASSING or error.fatal():
            # After a fatal error librdkafka reads nothing more: a new process has to.
            raise unreadable(self._topic, error)
        else:
            logger.warning("kafka_error", error=error.str())

    def _assigned(self, _: Consumer, places: list[TopicPartition]) -> None:
        self.waiting |= {place.partition for place in places}
        self._consumer.incremental_assign([])

    def _revoked(self, _: Consumer, places: list[TopicPartition]) -> None:
        numbers = {place.partition for place in places}
        self._consumer.incremental_unassign(
            [place for place in places if place.partition in self.reading]
        )
        for kept in (self.waiting, self.reading, self.at_end):
            kept -= numbers


def _log_refusal(error: KafkaError | None, _: list[TopicPartition]) -> None:
    if error is not None:
        logger.warning("offsets_not_committed", error=error.str())
