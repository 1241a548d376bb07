"""Debezium's PostgreSQL connector in the relay's place, for real."""

import itertools
import json
import threading
from contextlib import contextmanager

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.contract.schemas import VALIDATOR

pytestmark = pytest.mark.timeout(900)

FACTS = "id, username, created_at, version, is_active, tokens_valid_after"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REGISTER = """
INSERT INTO users (email, username, password)
SELECT %(name)s || n || '@example.com', %(name)s || n, '!' FROM generate_series(1, %(count)s) AS n
RETURNING id
"""
RENAME = "UPDATE users SET username = username || 'x' WHERE username LIKE %(name)s || '%%'"
DELETE = "DELETE FROM users WHERE username LIKE %(name)s || '1%%'"
names = (f"user-{number}-" for number in itertools.count())


@pytest.fixture
def change(users_sql):
    """Registers so many users, renames all of them and deletes some."""

    def change(count):
        user = {"name": next(names), "count": count}
        for statement in (REGISTER, RENAME, DELETE):
            users_sql(statement, user)

    return change


@pytest.fixture
def changing(change):
    """Changes users as long as the block lasts."""

    @contextmanager
    def changing():
        enough = threading.Event()

        def work():
            while not enough.wait(0.02):
                change(20)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    return changing


@pytest.fixture
def equal(users_sql, notes_sql):
    """Whether the shadow users are the users, row by row."""
    query = f"SELECT {FACTS} FROM users ORDER BY id"
    return lambda: users_sql(query) == notes_sql(query)


@pytest.fixture
def outbox(users_sql):
    """How many rows there are."""
    return lambda: users_sql("SELECT count(*) FROM outbox")[0][0]


@pytest.fixture
def prune(manage):
    def prune(*options):
        return manage("users", "prune_outbox", "outbox", *(options or ("--timeout", "100")))

    return prune


@pytest.fixture
def topic(stack):
    """Reads all messages of the topic, those of a partition in their order."""

    def read():
        consumer = Consumer(
            {"bootstrap.servers": stack.kafka.bootstrap_servers, "group.id": "unused"}
        )
        try:
            partitions = consumer.list_topics("user-events", 10).topics["user-events"].partitions
            places = [TopicPartition("user-events", number, 0) for number in partitions]
            ends = [consumer.get_watermark_offsets(place, 10)[1] for place in places]
            consumer.assign(places)
            messages = []
            while len(messages) < sum(ends):
                messages += consumer.consume(500, 1)
        finally:
            consumer.close()
        assert not [message.error() for message in messages if message.error()]
        return messages

    return read


def versions(messages):
    """Of each user, as they come in the topic."""
    found = {}
    for message in messages:
        data = json.loads(message.value())["data"]
        found.setdefault(data["id"], []).append(data["version"])
    return found


def in_order(versions):
    """Whether they rise, apart from repetitions, and the newest is the last."""
    first = list(dict.fromkeys(versions))
    return first == sorted(first) and versions[-1] == first[-1]


def comparable(message):
    """All that a message is, besides its place; a header without a value is none."""
    headers = sorted(each for each in message.headers() if each[1] is not None)
    return message.partition(), message.key(), message.value(), headers


def test_the_messages_are_the_relays(move, users_sql, manage, topic, equal, outbox, wait_until):
    """Debezium sends each row first, and the relay, started in its place, the same row again."""
    move.to_debezium()
    ((user_id,),) = users_sql(REGISTER, {"name": "Ünal-", "count": 1})
    users_sql(RENAME, {"name": "Ünal-"})
    assert manage("users", "republish_users", str(user_id)).returncode == 0
    users_sql(
        f"SELECT set_config('outbox.traceparent', '{TRACEPARENT}', false);"
        f"DELETE FROM users WHERE id = '{user_id}'"
    )
    wait_until(lambda: len(of_user(topic(), user_id)) == 4)
    move.back()
    wait_until(lambda: outbox() == 0)
    messages = of_user(topic(), user_id)
    by_debezium, by_relay = messages[:4], messages[4:]
    assert [comparable(each) for each in by_debezium] == [comparable(each) for each in by_relay]
    types = []
    for message in by_debezium:
        event = json.loads(message.value())
        VALIDATOR.validate(event)
        types.append(event["type"])
    assert types == ["user.created.v1", "user.updated.v1", "user.snapshot.v1", "user.deleted.v1"]
    wait_until(equal)


def of_user(messages, user_id):
    return [message for message in messages if message.key() == str(user_id).encode()]


def test_the_move_and_the_way_back_under_load(
    move, change, changing, users_sql, topic, equal, outbox, prune, wait_until
):
    """Fails without the heartbeat: the slot stays behind, and nothing can be pruned."""
    with changing():
        wait_until(lambda: outbox() > 0)
        move.to_debezium()
    wait_until(equal)
    assert prune().returncode == 0
    assert outbox() == 0
    with changing():
        move.back()
    wait_until(lambda: outbox() == 0)
    wait_until(equal)
    assert [found for found in versions(topic()).values() if not in_order(found)] == []


def test_rows_are_read_in_the_order_of_their_positions(
    move, stack, users_db, users_sql, topic, equal, wait_until
):
    """The table gives the newer one of two events first; fails without the ORDER BY."""
    stack.relay.stop()
    with psycopg.connect(users_db.url) as connection:
        connection.execute(REGISTER, {"name": next(names), "count": 200})
        connection.rollback()
    user = {"name": next(names), "count": 1}
    ((user_id,),) = users_sql(REGISTER, user)
    users_sql("VACUUM outbox")
    users_sql(RENAME, user)
    rows = users_sql("SELECT position FROM outbox ORDER BY ctid")
    assert rows != sorted(rows)
    move.to_debezium()
    wait_until(equal)
    assert versions(of_user(topic(), user_id)) == {str(user_id): [1, 2]}


def test_a_killed_worker(
    move, connect, changing, change, notes_sql, topic, equal, outbox, prune, wait_until
):
    move.to_debezium()
    wait_until(equal)
    with changing():
        connect.kill()
    change(20)
    assert not equal()
    with changing():
        connect.start()
        connect.wait_ready()
    wait_until(equal)
    messages = topic()
    assert [message for message in messages if message.value() is None] == []
    wait_until(lambda: notes_sql("SELECT count(*) FROM event_log") == [(len(messages),)])
    outcomes = dict(notes_sql("SELECT outcome, count(*) FROM event_log GROUP BY outcome"))
    assert outcomes.keys() <= {"applied", "superseded", "duplicate", "stale"}
    assert prune("--dry-run", "--timeout", "100").stdout == f"{outbox()} rows would be deleted\n"
    counted = prune("--dry-run", "--json", "--timeout", "100").stdout
    assert json.loads(counted) == {"rows": outbox()}
    assert prune().returncode == 0
    assert outbox() == 0


def test_another_worker_takes_over(move, connect, worker, change, equal, wait_until):
    move.to_debezium()
    wait_until(equal)
    with worker("connect-2") as second:
        (owner,) = [each for each in (connect, second) if each.runs_the_task()]
        owner.kill()
        change(20)
        assert not equal()
        wait_until(equal)
        (survivor,) = [each for each in (connect, second) if each.running]
        assert survivor.runs_the_task()


def test_what_kafka_has_not_is_not_pruned(move, stack, change, equal, outbox, prune, wait_until):
    move.to_debezium()
    wait_until(equal)
    assert prune().returncode == 0
    stack.kafka.stop()
    change(20)
    waiting = outbox()
    refused = prune("--timeout", "12")
    assert refused.returncode == 1
    assert "Nothing is deleted: the slot outbox has not passed" in refused.stderr
    assert outbox() == waiting > 0
    stack.kafka.start()
    wait_until(equal)
    assert prune().returncode == 0
    assert outbox() == 0


def test_a_lost_slot(move, connect, change, equal, outbox, prune, wait_until):
    """The rows are in the outbox still, so nothing is lost with the log."""
    move.to_debezium()
    wait_until(equal)
    connect.stop()
    change(20)
    move.drop_slot()
    refused = prune()
    assert refused.returncode == 1
    assert "users_db has no replication slot outbox" in refused.stderr
    change(20)
    assert not equal()
    connect.start()
    connect.wait_ready()
    wait_until(equal)
    assert prune().returncode == 0
    assert outbox() == 0
