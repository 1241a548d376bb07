"""The topic: made as the settings ask, and read whole."""

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
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub hides three
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from config.kafka import connection_config
from outbox.kafka import NO_TOPIC, NOT_ALLOWED
from outbox.messages import Message

# A broker that does not answer for this long is treated as away; seconds.
BROKER_TIMEOUT = 5.0
_FORBIDDEN = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)
_NOT_AS_ASKED = (
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.INVALID_PARTITIONS,
    KafkaError.INVALID_REPLICATION_FACTOR,
    KafkaError.INVALID_CONFIG,
)


class BrokerUnavailable(Exception):
    """The broker did not answer; try again."""


class NotAllowed(BrokerUnavailable):
    """Kafka's rules forbid it to this service; the text says what to do."""


class TopicImpossible(Exception):
    """Kafka cannot make a topic as the settings ask; the text says why."""


class TopicDiffers(Exception):
    """The topic exists and is not as the settings ask; the text says how."""


def create_topic(
    servers: str, topic: str, *, partitions: int, replication_factor: int, min_insync_replicas: int
) -> bool:
    """Creates the compacted topic; returns False where it already is as asked.

    Raises:
        TopicDiffers: it exists otherwise. Partitions are never added to a live topic: that
            would send the keys of users to other partitions and break the order of their events.
        TopicImpossible: no topic can be so with these brokers.
        BrokerUnavailable: the broker does not answer, or cannot create it now; NotAllowed: nor
            may this service.
    """
    admin = AdminClient(connection_config(servers), logger=logging.getLogger("librdkafka"))
    config = {
        "cleanup.policy": "compact",
        "min.insync.replicas": str(min_insync_replicas),
    }
    new = NewTopic(topic, partitions, replication_factor, config=config)
    try:
        admin.create_topics([new], request_timeout=BROKER_TIMEOUT)[topic].result()
    except KafkaException as error:
        code = error.args[0].code()
        if code in _NOT_AS_ASKED:
            raise TopicImpossible(error.args[0].str().removesuffix(".")) from error
        if code != KafkaError.TOPIC_ALREADY_EXISTS:
            raise _unavailable(admin, error.args[0]) from error
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
        raise _unavailable(admin, error.args[0]) from error
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


def _unavailable(client: Consumer | AdminClient, error: KafkaError) -> BrokerUnavailable:
    client.poll(0)  # librdkafka's log comes out: nothing else tells of a wrong password.
    if error.code() in _FORBIDDEN:
        # Of which kind, the broker's own text need not say.
        return NotAllowed(f"{KafkaError(error.code()).str()}. {NOT_ALLOWED.removesuffix('.')}")
    hint = f". {NO_TOPIC}" if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART else ""
    return BrokerUnavailable(f"{error.str()}{hint}".removesuffix("."))


def read_topic(servers: str, topic: str, limit: int) -> Iterator[list[Message]]:
    """Key and value of all messages from the beginning to what is the end now, in batches.

    Joins no group.

    Raises:
        BrokerUnavailable: the broker does not answer, or there is no such topic.
    """
    consumer = Consumer(
        {
            **connection_config(servers),
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            # Else 64 MB and more are read ahead. A full queue is looked at again soon, not in 1 s.
            "queued.max.messages.kbytes": 2048,
            "fetch.queue.backoff.ms": 10,
        },
        logger=logging.getLogger("librdkafka"),
    )
    try:
        found = consumer.list_topics(topic, BROKER_TIMEOUT).topics[topic]
        if found.error is not None:
            raise _unavailable(consumer, found.error)
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
                if error is None or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                    continue  # librdkafka asks about the group that it does not join.
                if error.code() != KafkaError._PARTITION_EOF:
                    raise _unavailable(consumer, error)
                unread.discard(message.partition() or 0)
            yield [(m.key(), m.value()) for m in fetched if m.error() is None]
    except KafkaException as error:
        raise _unavailable(consumer, error.args[0]) from error
    finally:
        consumer.close()
