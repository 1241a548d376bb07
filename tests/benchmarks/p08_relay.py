"""P8: how fast the relay empties the outbox, beside itself without Kafka and without batches."""

import os
from collections.abc import Callable, Iterator, Sequence

import psycopg

from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, set_up_django

set_up_django("users")

from outbox.kafka import OutgoingMessage, Publisher, producer_config  # noqa: E402
from outbox.relay import Relay  # noqa: E402

_FILL = """
INSERT INTO outbox (aggregatetype, type, payload)
SELECT 'user', 'user.created.v1', jsonb_build_object(
    'id', gen_random_uuid(), 'version', 1, 'username', 'user-' || n, 'is_active', true,
    'tokens_valid_after', rfc3339(now()), 'created_at', rfc3339(now()), 'updated_at', rfc3339(now())
) FROM generate_series(1, %s) AS n
"""


class Stub:
    """Takes messages as the Publisher does, and says at once that they were sent."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def publish(
        self, messages: Sequence[OutgoingMessage], give_up: Callable[[], bool]
    ) -> list[None]:
        self.values += [message.value for message in messages]
        return [None] * len(messages)


class FlushEach(Publisher):
    """Waits for the broker after each message."""

    def publish(
        self, messages: Sequence[OutgoingMessage], give_up: Callable[[], bool]
    ) -> list[None]:
        return [super(FlushEach, self).publish([message], give_up)[0] for message in messages]


def run(run: Run) -> Iterator[Ratio]:
    rows, few = run.size(20_000, 200), run.size(1000, 20)
    topic = topics.create()
    measured = in_turn(
        run.rounds,
        relay=lambda: _through_kafka(Publisher, topic, rows),
        stub=lambda: _through_stub(rows),
        flush=lambda: _through_kafka(FlushEach, topic, few),
    )
    yield Ratio(
        *("P8", "the relay ÷ its loop with produce stubbed", "events/s", 0.5),
        rounds=pairs(measured, "relay", "stub"),
    )
    yield Ratio(
        *("P8", "the relay ÷ a flush for each message", "events/s", 10),
        rounds=pairs(measured, "relay", "flush"),
    )


def _through_kafka(publisher: type[Publisher], topic: str, rows: int) -> Sample:
    made = publisher(producer_config(topics.SERVERS), topic)
    before = topics.ends(topic)
    sample = _relay(made, rows, lambda: topics.read(topic, before))
    made.close()
    return sample


def _through_stub(rows: int) -> Sample:
    stub = Stub()
    return _relay(stub, rows, lambda: stub.values)


def _relay(publisher: Publisher | Stub, rows: int, sent: Callable[[], list[bytes]]) -> Sample:
    """Sends the rows and compares what arrived with what was in the outbox."""
    relay = Relay(lambda: publisher, stop=lambda: False)
    with psycopg.connect(os.environ["USERS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("TRUNCATE outbox")
        expected = _fill(connection, 1)
        while not relay.step():  # It takes the lock, and the producer connects.
            pass
        expected += _fill(connection, rows)
        left = rows
        with timed(*pids("users_db", "kafka")) as taken:
            while left:
                left -= relay.step()
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    assert sorted(sent()) == sorted(expected)
    wall, cpu = taken()
    return Sample(rows / wall, cpu / rows)


def _fill(connection: psycopg.Connection, rows: int) -> list[bytes]:
    connection.execute(_FILL, [rows])
    return [row[0].encode() for row in connection.execute("SELECT payload::text FROM outbox")]
