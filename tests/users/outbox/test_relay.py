"""The relay's steps, with a publisher in hand that fails where a test says so.

What a real broker does to it is tested in ``test_kafka.py`` and in ``tests/system``.
"""

import json
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from accounts.models import User
from devstack.processes import wait_until
from outbox.kafka import Failure, ProducerBroken
from outbox.models import OutboxEvent
from outbox.relay import ADVISORY_LOCK, LONGEST_LOOK, SHORTEST_LOOK, SLEEP_LOCK, Relay
from tests.threads import in_thread, lose_connection

pytestmark = pytest.mark.django_db(transaction=True)


class Publisher:
    def __init__(self):
        self.sent = []
        self.failing = set()
        self.broken = False
        self.closed = False

    def publish(self, messages, give_up):
        if self.broken:
            raise ProducerBroken("fenced")
        results = []
        for message in messages:
            event = json.loads(message.value)
            user, version = message.key.decode(), event["data"]["version"]
            failed = (user, version) in self.failing
            results.append(Failure("refused", of_message=True) if failed else None)
            if not failed:
                self.sent.append((user, version))
        return results

    def close(self):
        self.closed = True


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture
def relay(publisher):
    relay = Relay(lambda: publisher, stop=lambda: False)
    yield relay
    connection.close()


@pytest.fixture(autouse=True)
def _no_wait_at_take_over(monkeypatch):
    monkeypatch.setattr("outbox.relay.TAKE_OVER", 0.0)


def users(*names):
    created = [
        User.objects.create(username=name, email=f"{name}@example.com", password="!")
        for name in names
    ]
    return [str(user.id) for user in created]


def rename(user_id, *names):
    for name in names:
        User.objects.filter(id=user_id).update(username=name)


def remaining():
    return [
        (row.aggregateid, row.payload["data"]["version"]) for row in OutboxEvent.objects.pending()
    ]


def test_rows_are_sent_in_order_and_leave(relay, publisher):
    (ada,) = users("ada")
    rename(ada, "b", "c")
    assert relay.step() == 3
    assert publisher.sent == [(ada, 1), (ada, 2), (ada, 3)]
    assert remaining() == []


def test_behind_a_failed_row_those_of_its_user_stay(relay, publisher):
    ada, bob = users("ada", "bob")
    rename(ada, "a2", "a3")
    rename(bob, "b2")
    publisher.failing = {(ada, 2)}
    assert relay.step() == 3
    assert remaining() == [(ada, 2), (ada, 3)]


def test_a_user_held_back_holds_nobody_else_and_is_tried_again(publisher):
    now = [0.0]
    relay = Relay(lambda: publisher, stop=lambda: False, batch_size=2, clock=lambda: now[0])
    ada, bob = users("ada", "bob")
    rename(ada, "a2")
    publisher.failing = {(ada, 1)}
    assert relay.step() == 1
    (cyd,) = users("cyd")
    assert relay.step() == 1
    assert publisher.sent == [(bob, 1), (cyd, 1)]
    publisher.failing = set()
    now[0] += 60
    assert relay.step() == 1
    assert relay.step() == 1
    assert publisher.sent[2:] == [(ada, 1), (ada, 2)]
    connection.close()


def test_what_is_behind_a_refused_event_is_not_sent_again_and_again(publisher):
    now = [0.0]
    relay = Relay(lambda: publisher, stop=lambda: False, clock=lambda: now[0])
    (ada,) = users("ada")
    rename(ada, "a2", "a3")
    publisher.failing = {(ada, 1)}
    for _ in range(3):
        assert relay.step() == 0
        now[0] += 60
    assert publisher.sent == [(ada, 2), (ada, 3)]
    publisher.failing = set()
    assert relay.step() == 1
    assert relay.step() == 2
    assert remaining() == []
    connection.close()


def test_a_broken_producer_is_replaced_and_loses_nothing(relay, publisher):
    (ada,) = users("ada")
    publisher.broken = True
    assert relay.step() == 0
    assert publisher.closed
    assert remaining() == [(ada, 1)]
    publisher.broken = False
    assert relay.step() == 1


def test_a_row_of_a_transaction_that_commits_late_is_not_passed_over(relay, publisher):
    """Its position is lower than those that were sent before it appeared."""
    inserted, commit = threading.Event(), threading.Event()

    def slow_registration():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO users (email, username, password)"
                " VALUES ('slow@example.com', 'slow', '!')"
            )
            inserted.set()
            commit.wait()
            cursor.execute("COMMIT")

    slow = in_thread(slow_registration)
    inserted.wait()
    users("quick")
    assert relay.step() == 1
    commit.set()
    slow.result(10)
    assert relay.step() == 1
    assert len(publisher.sent) == 2


def test_a_commit_wakes_a_sleeping_relay(relay, monkeypatch):
    relay.step()
    monkeypatch.setattr("outbox.relay.WAIT", 60)

    def register():
        wait_until(sleeps, 10)
        users("ada")

    registration = in_thread(register)
    with time_limit(10):
        relay.step()
    registration.result(10)
    assert relay.step() == 1
    assert not sleeps()


def test_a_relay_that_is_awake_is_not_notified(relay):
    relay.step()
    in_thread(lambda: users("ada")).result(10)
    assert not list(connection.connection.notifies(timeout=0.2))


@pytest.fixture
def open_transaction():
    """A writer that has registered somebody and not committed; calling it commits."""
    inserted, commit = threading.Event(), threading.Event()

    def slow_registration():
        with transaction.atomic():
            users("slow")
            inserted.set()
            commit.wait()

    slow = in_thread(slow_registration)
    inserted.wait()

    def end():
        commit.set()
        slow.result(10)

    yield end
    end()


def test_a_relay_does_not_sleep_while_a_writer_has_not_committed(
    relay, open_transaction, monkeypatch
):
    """Its writer would not notify: nobody slept when it wrote."""
    monkeypatch.setattr(Relay, "_wait_for_notify", never)
    assert relay.step() == 0
    open_transaction()
    relay._sleep()  # It looks again with the lock in hand.
    assert relay.step() == 1


def test_a_transaction_that_goes_on_and_on_is_looked_at_less_often(
    relay, open_transaction, monkeypatch
):
    looks = []
    with monkeypatch.context() as patch:
        patch.setattr("outbox.relay.time.sleep", looks.append)
        for _ in range(50):
            relay.step()
    assert looks[1:] == sorted(looks[1:])  # The first is the wait of a new relay.
    assert looks[1] < looks[-1] == LONGEST_LOOK
    open_transaction()
    assert relay.step() == 1
    assert relay._look == SHORTEST_LOOK


def sleeps():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE objid = %s", [SLEEP_LOCK])
        return cursor.fetchone()[0] > 0


def never(*_):
    raise AssertionError("it sleeps")


@contextmanager
def time_limit(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def test_one_relay_is_active_and_a_standby_takes_over(relay, publisher):
    users("ada")
    relay.step()
    users("bob")

    def stand_by():
        standby = Relay(lambda: publisher, stop=lambda: False)
        assert standby.step() == 0
        looked.set()
        released.wait()
        while not standby.step():
            pass
        return len(publisher.sent)

    looked, released = threading.Event(), threading.Event()
    waiting = in_thread(stand_by)
    assert looked.wait(10)
    connection.close()
    released.set()
    assert waiting.result(30) == 2


def test_a_relay_that_hangs_after_a_batch_loses_its_lock(relay, monkeypatch):
    monkeypatch.setattr("outbox.relay._SESSION", "SET idle_session_timeout = '100ms'")
    users("ada")
    assert relay.step() == 1
    assert in_thread(lambda: wait_until(lock_is_free, 10)).result()


def lock_is_free():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        return cursor.fetchone() == (True,)


def test_a_relay_that_lost_its_lock_drops_what_it_has_not_sent(relay, publisher):
    """Another one may be active from then on, and must not be followed by older events."""

    def lose_the_lock(messages, give_up):
        lose_connection()
        give_up()
        raise AssertionError("it went on without its lock")

    (ada,) = users("ada")
    publisher.publish = lose_the_lock
    assert relay.step() == 0
    assert publisher.closed
    assert remaining() == [(ada, 1)]


def test_refused_events_of_one_user_alone_do_not_fill_the_batch_for_ever(publisher):
    relay = Relay(lambda: publisher, stop=lambda: False, batch_size=2)
    (ada,) = users("ada")
    rename(ada, "a2")
    publisher.failing = {(ada, 1), (ada, 2)}
    assert relay.step() == 0
    (bob,) = users("bob")
    assert relay.step() == 1
    assert publisher.sent == [(bob, 1)]
    connection.close()


def test_a_full_batch_of_a_partition_without_a_leader_holds_up_nobody_behind_it(publisher):
    now = [0.0]
    relay = Relay(lambda: publisher, stop=lambda: False, batch_size=2, clock=lambda: now[0])
    ada, bob, cyd = users("ada", "bob", "cyd")
    publish, away = publisher.publish, {ada, bob}

    def without_a_leader(messages, give_up):
        sent = publish(
            [message for message in messages if message.key.decode() not in away], give_up
        )
        left = iter(sent)
        return [
            Failure("timed out") if message.key.decode() in away else next(left)
            for message in messages
        ]

    publisher.publish = without_a_leader
    assert relay.step() == 0
    assert relay.step() == 1
    assert publisher.sent == [(cyd, 1)]
    away.clear()
    now[0] += 60
    assert relay.step() == 2
    connection.close()


def test_a_long_outage_ends_like_a_short_one(relay, publisher, monkeypatch):
    monkeypatch.setattr("outbox.relay.time.sleep", lambda _: None)
    users("ada")
    publish = publisher.publish
    publisher.publish = lambda messages, _: [Failure("away")] * len(messages)
    for _ in range(1100):
        assert relay.step() == 0
    publisher.publish = publish
    assert relay.step() == 1
