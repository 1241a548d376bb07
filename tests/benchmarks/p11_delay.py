"""P11: from the commit of a change to its commit in notes_db, beside a bare way through Kafka.

PostgreSQL says when each transaction was committed (``track_commit_timestamp``), so nothing polls
and nothing waits for the measurement. Both ways get the same number of events a second.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from devstack.processes import wait_until
from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs
from tests.benchmarks.servers import service

RATE = 500
WRITERS = 5
VALUE = next(topics.user_events(1, 1))[1]


def run(run: Run) -> Iterator[Ratio]:
    count, topic = run.size(5000, 50), topics.create()
    versions = itertools.count(2)
    relay = ("users", "manage.py", "relay_outbox")
    consumer = ("notes", "manage.py", "consume_user_events")
    with (
        service(*relay, ready="relay_active", KAFKA_TOPIC=topic),
        service(*consumer, ready="consumer_started", KAFKA_TOPIC=topic, KAFKA_GROUP_ID=topic),
        psycopg.connect(os.environ["USERS_DATABASE_URL"], autocommit=True) as users_db,
        psycopg.connect(os.environ["NOTES_DATABASE_URL"], autocommit=True) as notes_db,
    ):
        users_db.execute("DELETE FROM users")
        notes_db.execute("TRUNCATE users, event_log CASCADE")
        users_db.execute(
            "INSERT INTO users (email, username, password)"
            " SELECT n || '@example.com', n, '!' FROM generate_series(1, %s) AS n",
            [count],
        )
        _applied(notes_db, topic, 1, count)
        measured = in_turn(
            run.rounds,
            pipeline=lambda: _pipeline(users_db, notes_db, topic, next(versions)),
            kafka=lambda: _kafka(topics.create(), count),
        )
    yield Ratio(
        *("P11", "commit to applied, p99 ÷ a bare way through Kafka", "ms", 3, True),
        rounds=pairs(measured, "pipeline", "kafka"),
    )


def _pipeline(
    users_db: psycopg.Connection, notes_db: psycopg.Connection, topic: str, version: int
) -> Sample:
    """Changes each user once."""
    ids = [row[0] for row in users_db.execute("SELECT id FROM users ORDER BY id")]

    def write(mine: list) -> None:
        with psycopg.connect(os.environ["USERS_DATABASE_URL"], autocommit=True) as connection:
            _paced(
                RATE / WRITERS,
                mine,
                lambda user_id: connection.execute(
                    "UPDATE users SET username = id || '-' || version WHERE id = %s", [user_id]
                ),
            )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, (ids[number::WRITERS] for number in range(WRITERS))))
    rows = users_db.execute("SELECT id, pg_xact_commit_timestamp(xmin) FROM users")
    committed = dict(rows.fetchall())
    applied = _applied(notes_db, topic, version, len(ids))
    assert applied.keys() == committed.keys()
    return _p99([(applied[one] - committed[one]).total_seconds() for one in committed])


def _applied(connection: psycopg.Connection, topic: str, version: int, count: int) -> dict:
    """When the users came to this version, once all have."""
    # Not the deletions of whoever was there before.
    query = (
        "SELECT {} FROM event_log WHERE (topic, version, outcome) = (%s, %s, 'applied')"
        " AND type <> 'user.deleted.v1'"
    )

    def all_have() -> bool:
        found = connection.execute(query.format("count(*)"), [topic, version]).fetchone()
        return found == (count,)

    assert wait_until(all_have, 120, every=0.5)
    columns = "user_id, pg_xact_commit_timestamp(xmin)"
    return dict(connection.execute(query.format(columns), [topic, version]).fetchall())


def _kafka(topic: str, count: int) -> Sample:
    """As durable as the relay's messages, and as large."""
    producer = Producer(
        {"bootstrap.servers": topics.SERVERS, "enable.idempotence": True, "linger.ms": 0}
    )
    consumer = Consumer({"bootstrap.servers": topics.SERVERS, "group.id": "-"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(topics.PARTITIONS)])
    sent, received = {}, {}

    def receive() -> None:
        while len(received) < count + 1:
            message = consumer.poll(10)
            received[int(message.key())] = time.perf_counter()

    def send(number: int) -> None:
        sent[number] = time.perf_counter()
        producer.produce(topic, VALUE, str(number))
        producer.poll(0)

    receiver = threading.Thread(target=receive)
    receiver.start()
    send(-1)  # It connects.
    producer.flush()
    _paced(RATE, range(count), send)
    producer.flush()
    receiver.join()
    consumer.close()
    return _p99([received[number] - sent[number] for number in range(count)])


def _paced(rate: float, items: list | range, do: Callable[[object], object]) -> None:
    """Does it for each item, so many a second; behind its time it does not wait."""
    start = time.perf_counter()
    for number, item in enumerate(items):
        time.sleep(max(0, start + number / rate - time.perf_counter()))
        do(item)
    taken = time.perf_counter() - start
    assert taken < 1.2 * len(items) / rate + 1, f"Too slow for {rate:.0f} a second: {taken:.1f} s"


def _p99(delays: list[float]) -> Sample:
    return Sample(quantiles(delays, n=100)[98] * 1000)
