"""P10: events a second of the consumer, beside those of another implementation's consumer.

The peer is an Express service with Prisma and kafkajs, not part of this repository. Both run as
they are started in production and read the same topic: a message has what either takes. The time is
that between the first commit and the last, as PostgreSQL has it, so starting up does not count and
nothing polls for it.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from devstack.processes import Children, wait_until
from tests.benchmarks import peers, topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, service

URL = os.environ["NOTES_DATABASE_URL"]
_COMMITS = """
SELECT EXTRACT(epoch FROM max(at) - min(at)), count(*) FILTER (WHERE at > first)
FROM (SELECT at, min(at) OVER () AS first
      FROM (SELECT pg_xact_commit_timestamp(xmin) AS at FROM users) AS each) AS all_of_them
"""


def run(run: Run) -> Iterator[Ratio]:
    peer = peers.install()
    users, topic = run.size(60_000, 500), topics.create()
    topics.fill(topic, topics.user_events(users, users))
    peer_url = peers.database(peer, URL)
    measured = in_turn(
        run.rounds,
        consumer=lambda: _consumer(topic, users),
        peer=lambda: _peer(peer, peer_url, run.folder, topic, users),
    )
    assert _users(URL) == _users(peer_url)
    yield Ratio(
        *("P10", "the consumer ÷ the peer's consumer", "events/s", 10),
        rounds=pairs(measured, "consumer", "peer"),
    )


def _consumer(topic: str, users: int) -> Sample:
    _empty(URL, "users, event_log, positions, topics")
    arguments = ("notes", "manage.py", "consume_user_events")
    group = str(uuid.uuid4())
    with service(
        *arguments, ready="consumer_started", KAFKA_TOPIC=topic, KAFKA_GROUP_ID=group
    ) as process:
        return _filled(URL, users, process.pid)


def _peer(folder: Path, url: str, logs: Path, topic: str, users: int) -> Sample:
    _empty(url, "users")
    variables = {
        "DATABASE_URL": url,
        "KAFKA_BROKERS": topics.SERVERS,
        "TOPIC": topic,
        "GROUP": str(uuid.uuid4()),
        "ROLE": "consumer",
    }
    process = Children(logs).start(
        "peer", ["node", "note-service.js"], folder=folder, env=os.environ | variables
    )
    try:
        return _filled(url, users, process.pid)
    finally:
        process.stop()


def _filled(url: str, users: int, consumer: int) -> Sample:
    """Waits until all users are there."""
    with psycopg.connect(url, autocommit=True) as connection:

        def ask(query: str) -> tuple:
            return connection.execute(query).fetchone()

        assert wait_until(lambda: ask("SELECT EXISTS (SELECT FROM users)")[0], 120)
        with timed(*pids("notes_db", "kafka")[:-1], consumer) as taken:
            assert wait_until(lambda: ask("SELECT count(*) FROM users")[0] == users, 300, every=0.5)
        _, cpu = taken()
        seconds, behind_the_first = ask(_COMMITS)
    return Sample(behind_the_first / float(seconds), cpu / users)


def _users(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT id, username FROM users ORDER BY id").fetchall()


def _empty(url: str, tables: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {tables} CASCADE")
