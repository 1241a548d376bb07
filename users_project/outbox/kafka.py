"""The producer. This module and ``topic`` alone know confluent_kafka."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from config.kafka import connection_config

_OF_MESSAGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD)
_FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
NO_TOPIC = "Create it with `manage.py create_topics` of users_project."
NOT_ALLOWED = "Kafka's rules do not let KAFKA_USERNAME do so: docs/security.md, Kafka."


class ProducerBroken(Exception):
    """This producer can send nothing more (librdkafka calls the error fatal); make a new one."""


Report = Callable[[KafkaError | None, Message | None], None]


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not sent.

    Args:
        of_message: because of what it is, at any broker.
        hint: what to do, where that is known.
    """

    text: str
    of_message: bool = False
    hint: str = ""


def producer_config(servers: str) -> dict[str, Any]:
    return {
        **connection_config(servers),
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
        # With a callback for errors, a fatal one is raised by poll and flush, and not given to it.
        self._producer = Producer(
            {**config, "error_cb": lambda _: None}, logger=logging.getLogger("librdkafka")
        )

    def publish(
        self, messages: Sequence[OutgoingMessage], give_up: Callable[[], bool]
    ) -> list[Failure | None]:
        """Sends the messages in order and waits until each is acknowledged or has failed.

        Args:
            messages: those of one key stay in their order.
            give_up: asked before anything is sent, for this process may have been stopped since
                it read the rows, and about twice a second while waiting. True ends the wait, and
                what it raises comes out of here.

        Returns:
            For each message None once the broker has it, else what went wrong. A message that
            failed may have reached the broker all the same.

        Raises:
            ProducerBroken: some messages will never get a report.
        """
        results: list[Failure | None] = [Failure("no report from the broker")] * len(messages)
        if give_up():
            return results
        try:
            for index, message in enumerate(messages):
                self._produce(message, partial(_report, results, index), give_up)
            while self._producer.flush(0.5) and not give_up():
                pass
        # Its stub does not know that the first is one.
        except (KafkaError, KafkaException, SystemError) as error:  # type: ignore[misc]
            fatal = _fatal(error)
            raise ProducerBroken(f"{fatal.str()}. {_hint(fatal)}".rstrip()) from None
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


def _report(
    results: list[Failure | None], index: int, error: KafkaError | None, _: Message | None
) -> None:
    if error is None:
        results[index] = None
    else:
        results[index] = Failure(error.str(), error.code() in _OF_MESSAGE, _hint(error))


def _fatal(error: Any) -> KafkaError:
    """What the client raised: the error itself, an exception with it, or what came of that.

    A report that the same call gives finds the exception raised, which to Python is a SystemError.
    """
    while cause := getattr(error, "__cause__", None):
        error = cause
    if isinstance(error, KafkaException):
        error = error.args[0]
    if not isinstance(error, KafkaError):
        raise error
    return error


def _hint(error: KafkaError) -> str:
    return NOT_ALLOWED if error.code() in _FORBIDDEN else ""
