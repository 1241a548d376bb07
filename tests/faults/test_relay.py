"""The relay is killed and doubled, and transactions commit out of the order of their positions."""

import os
import signal

import psycopg
import pytest

from devstack.processes import wait_until
from tests.faults import operations

covers, short = pytest.mark.covers, pytest.mark.short

# Of a relay that stands by; the last statement of one with rows in hand is another.
ASKED = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_lock(%'"


@covers(
    "a row leaves the outbox when Kafka has acknowledged it", off="acknowledgement", breaks="I2"
)
def test_relay_killed_after_select(system, rng):
    with system.under_load(rng):
        point = ("SIGKILL", "before", "outbox.relay.Relay._send", rng.randint(2, 9))
        system.wait_for_death("relay", system.restart("relay", failpoint=point))


@covers(
    "a row leaves the outbox when Kafka has acknowledged it", off="acknowledgement", breaks="I2"
)
def test_relay_killed_after_produce(system, rng):
    with system.under_load(rng):
        point = ("SIGKILL", "after", "outbox.kafka.Publisher._produce", rng.randint(2, 40))
        system.wait_for_death("relay", system.restart("relay", failpoint=point))


@covers("a state goes in only when it is newer", off="version_gate", breaks="I3")
@short
def test_relay_killed_after_ack(system, rng):
    with system.under_load(rng):
        user = system.register()
        have_sent_twice(system, lambda: system.rename(user, times=30), user, 31)


@covers("a tombstone: who is deleted stays away", off="tombstone", breaks="I8")
def test_relay_killed_after_the_ack_of_a_deletion(system, rng):
    """The messages from before it come once more behind it."""

    def change_and_delete():
        system.rename(user, times=30)
        system.delete(user)

    with system.under_load(rng):
        user = system.register()
        have_sent_twice(system, change_and_delete, user, 32)


@covers("the advisory lock: one relay sends", off="advisory_lock", breaks="I4")
def test_two_relays(system, rng):
    """The first falls asleep with rows in hand; the second waits, and takes over from the dead."""
    with system.under_load(rng):
        system.kill("relay")
        user = system.register()
        mark = system.restart(
            "relay", failpoint=("SIGSTOP", "before", "outbox.relay.Relay._send", 1)
        )
        system.reach(mark.exists, "the first relay has rows in hand")
        first = system.stack.relay.process
        system.rename(user)
        system.another("relay")
        system.reach(
            lambda: system.users_sql(ASKED) or not system.waits_in_outbox([user]),
            "the second relay has asked for the lock, or sent what there is",
        )
        lines = system.new_lines("relay")
        os.kill(first.pid, signal.SIGCONT)
        system.reach(lambda: "events_sent" in lines(), "the first relay has sent its rows")
        system.wait_for_shadow(user, 2)
        system.kill("relay")
        system.wait_for_shadow(system.register())


@covers("PostgreSQL gives up a relay that hangs", off="idle_limit", breaks="I6: the event arrives")
def test_relay_hangs(system, rng):
    with system.under_load(rng):
        hang(system)


@covers("a relay asks for its lock before it sends", off="hand_over", breaks="I4")
def test_relay_awakes_behind_another(system, rng):
    """With rows in hand that the other has sent, and newer ones behind them."""
    with system.under_load(rng):
        first = hang(system)
        lines = system.new_lines("relay")
        os.kill(first.pid, signal.SIGCONT)
        system.reach(
            lambda: {"database_unavailable", "events_sent"} & set(lines().split()), "it goes on"
        )


@covers(
    "rows are read from the oldest, never from the last one seen",
    off="oldest_first",
    breaks="I6: the outbox is empty",
)
def test_sequence_gap(system, rng):
    """A transaction takes a position, and others commit before it."""
    with (
        system.under_load(rng),
        psycopg.connect(system.stack.users_db.url) as slow,
    ):
        system.register(slow)
        system.reach(lambda: is_sent(system, system.register()), "an event from behind it is sent")
        slow.commit()


def hang(system):
    """Stops the relay with rows in hand, until another has sent these and newer ones."""
    system.kill("relay")
    user = system.register()
    mark = system.restart("relay", failpoint=("SIGSTOP", "before", "outbox.relay.Relay._send", 1))
    system.reach(mark.exists, "the relay has rows in hand")
    system.rename(user)
    system.another("relay")
    system.wait_for_shadow(user, 2)
    return system.stack.relay.process


def is_sent(system, user):
    return wait_until(lambda: not system.waits_in_outbox([user]), 5)


def have_sent_twice(system, change, user, version):
    """What `change` does to a user, up to that version; the consumer takes it in small batches."""
    system.restart("consumer", arguments=["--batch-size", "7"])
    system.kill("relay")
    change()
    point = ("SIGKILL", "after", "outbox.kafka.Publisher.publish", 1)
    system.wait_for_death("relay", system.restart("relay", failpoint=point))
    system.wait_for_shadow(user, version)
    system.put_back("relay")
    operations.start(system, "relay")
    system.wait_until_applied()
