"""One demo user's way through the running stack, each step with the time it took."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Container, Mapping
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from devstack.errors import DevstackError
from devstack.external import libpq_url
from devstack.http import call
from devstack.processes import wait_until

_PATIENCE = 60
"""Seconds for the event to come through; a killed consumer's session may have to end first."""


def walk(settings: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Registers a user with a random name and follows it. Raises DevstackError at what fails.

    Args:
        settings: what `make env` prints.
        report: called with a line for each step.
    """
    api = f"{settings['GATEWAY_URL']}/api/v1"
    username = f"demo-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(12)
    account = {"email": f"{username}@example.com", "username": username, "password": password}
    step = _Stopwatch(report)

    topic = _TopicTail(settings["KAFKA_BOOTSTRAP_SERVERS"], settings["KAFKA_TOPIC"])
    try:
        step.begin()
        user = _expect({201, 202}, "POST", f"{api}/users/", account)
        if user is None:
            report("EMAIL_VERIFICATION is on: a user is made by a mail's link, and this ends here.")
            return
        step.done("registered", f"{username}, id {user['id']}")
        event = topic.message_of(user["id"])
    finally:
        topic.close()
    where = f"{event.topic()}/{event.partition()}/{event.offset()} (topic/partition/offset)"
    step.done("event in Kafka", where)
    version = _applied_version(settings["NOTES_DATABASE_URL"], user["id"])
    step.done("applied", f"shadow user in notes_db, version {version}")

    login = {"username": username, "password": password}
    token = _expect({200}, "POST", f"{api}/auth/token/", login)["access"]
    step.done("signed in", "access token")
    draft = {"title": "First note", "content": "Hello.", "tags": ["demo"]}
    note = _expect({201}, "POST", f"{api}/notes/", draft, token)
    step.done("first note", f"id {note['id']}")
    found = _expect({200}, "GET", f"{api}/notes/?tag=demo", token=token)["results"]
    if [each["id"] for each in found] != [note["id"]]:
        raise DevstackError(f"The list of notes is not the one note {note['id']}: {found}")
    step.done("note found", f"“{found[0]['title']}”, tags {found[0]['tags']}")


class _Stopwatch:
    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self.begin()

    def begin(self) -> None:
        self._started = time.perf_counter()

    def done(self, what: str, detail: str) -> None:
        milliseconds = (time.perf_counter() - self._started) * 1000
        self._report(f"{what:<15}{milliseconds:6.0f} ms  {detail}")
        self.begin()


class _TopicTail:
    """Reads what comes to the topic from now on; joins no group and commits nothing."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "devstack-demo",
                "enable.auto.commit": False,
            }
        )
        try:
            partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
            self._consumer.assign([self._end(TopicPartition(topic, each)) for each in partitions])
        except KafkaException as error:
            raise DevstackError(f"Kafka at {bootstrap_servers} does not answer: {error}") from error

    def _end(self, partition: TopicPartition) -> TopicPartition:
        partition.offset = self._consumer.get_watermark_offsets(partition, timeout=10)[1]
        return partition

    def message_of(self, user_id: str) -> Message:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.5)
            if message is not None and message.key() == user_id.encode():
                return message
        raise DevstackError(
            f"The event of user {user_id} did not reach Kafka: see the relay's log."
        )

    def close(self) -> None:
        self._consumer.close()


def _applied_version(database_url: str, user_id: str) -> int:
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        found: list[tuple[int]] = []

        def arrived() -> bool:
            query = "SELECT version FROM users WHERE id = %s"
            found[:] = connection.execute(query, [user_id]).fetchall()
            return bool(found)

        if not wait_until(arrived, _PATIENCE, every=0.01):
            raise DevstackError(
                f"The shadow user {user_id} is not in notes_db: see the consumer's log."
            )
        return found[0][0]


def _expect(
    statuses: Container[int], method: str, url: str, body: Any = None, token: str | None = None
) -> Any:
    try:
        answered, answer = call(method, url, body, token=token)
    except OSError as error:
        raise DevstackError(f"{method} {url}: {error}") from error
    if answered not in statuses:
        raise DevstackError(f"{method} {url} answered {answered}, not {statuses}: {answer}")
    return answer
