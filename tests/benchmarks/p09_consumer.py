"""P9: how fast the consumer applies events, beside a bare upsert of the same rows.

Neither waits for the disk at each commit.
"""

import os
import uuid
from collections.abc import Iterator

import psycopg

from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, set_up_django

set_up_django("notes")

from inbox.consumer import EventConsumer  # noqa: E402
from inbox.kafka import Subscription, consumer_config  # noqa: E402
from inbox.messages import RawMessage, parse  # noqa: E402
from users.gate import UserState  # noqa: E402

BATCH = 500
COLUMNS = "id, version, username, is_active, tokens_valid_after, created_at"
_UPSERT = f"""
INSERT INTO users ({COLUMNS})
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::boolean[], %s::timestamptz[],
                     %s::timestamptz[])
ON CONFLICT (id) DO UPDATE SET
    version = EXCLUDED.version, username = EXCLUDED.username, is_active = EXCLUDED.is_active,
    tokens_valid_after = EXCLUDED.tokens_valid_after, created_at = EXCLUDED.created_at
"""


URL = os.environ["NOTES_DATABASE_URL"]


def run(run: Run) -> Iterator[Ratio]:
    users = run.size(50_000, 1000)
    messages = list(topics.user_events(users, users))
    topic = topics.create()
    topics.fill(topic, iter(messages))
    states = [parse(RawMessage(topic, 0, 0, key.encode(), value)).state for key, value in messages]
    measured = in_turn(
        run.rounds, consumer=lambda: _consume(topic, states), upsert=lambda: _upsert(states)
    )
    yield Ratio(
        *("P9", "the consumer ÷ a bare upsert of the same rows", "events/s", 0.5),
        rounds=pairs(measured, "consumer", "upsert"),
    )


def _consume(topic: str, states: list[UserState]) -> Sample:
    _empty()
    group = f"benchmark-{uuid.uuid4()}"
    subscription = Subscription(consumer_config(topics.SERVERS, group, "classic"), topic)
    consumer = EventConsumer(subscription, topic, BATCH)
    while not (applied := consumer.step()):  # Until it has its partitions.
        pass
    rest = len(states) - applied
    with timed(*pids("notes_db", "kafka")) as taken:
        while applied < len(states):
            applied += consumer.step()
    subscription.close()
    _check(states)
    with psycopg.connect(URL) as connection:
        outcomes = connection.execute("SELECT outcome, count(*) FROM event_log GROUP BY 1")
        assert outcomes.fetchall() == [("applied", len(states))]
    wall, cpu = taken()
    return Sample(rest / wall, cpu / rest)


def _upsert(states: list[UserState]) -> Sample:
    _empty()
    unwaited = "-c synchronous_commit=off"
    with psycopg.connect(URL, options=unwaited) as connection, timed(*pids("notes_db")) as taken:
        for start in range(0, len(states), BATCH):
            rows = states[start : start + BATCH]
            connection.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
            connection.commit()
    _check(states)
    wall, cpu = taken()
    return Sample(len(states) / wall, cpu / len(states))


def _empty() -> None:
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute("TRUNCATE users, event_log, positions, topics CASCADE")


def _check(states: list[UserState]) -> None:
    with psycopg.connect(URL) as connection:
        rows = set(connection.execute(f"SELECT {COLUMNS} FROM users"))
    assert rows == set(states)
