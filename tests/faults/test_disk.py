"""A server's disk is full. Room is made, and what has ended starts again."""

import time
from contextlib import contextmanager

import psycopg
import pytest

from tests.faults.invariants import require
from tests.faults.stacks import SmallDiskStack

pytestmark = pytest.mark.on(stack=SmallDiskStack)
covers = pytest.mark.covers


@covers("a relay whose database is away waits", off="relay_retries", breaks="I6: relay ended")
def test_of_users_db(system, rng):
    with system.under_load(rng) as load, full(system, "users_db"):
        filled = time.monotonic()
        system.reach(lambda: 503 in load.statuses(filled), "a change is answered with 503")
        require(500 not in load.statuses(filled), "a change is answered with 500")
        _use_up_the_wal(system, "users")
        system.wait_for_log("relay", "database_unavailable")


@covers(
    "a consumer whose database is away waits", off="consumer_retries", breaks="I6: consumer ended"
)
def test_of_notes_db(system, rng):
    with system.under_load(rng), full(system, "notes_db"):
        system.wait_for_log("consumer", "database_unavailable")  # Its event log cannot grow.
        _use_up_the_wal(system, "notes")


@covers("a row that Kafka did not acknowledge stays", off="delivery_reports", breaks="I2")
def test_of_kafka(system, rng):
    with system.under_load(rng) as load, full(system, "kafka"):
        filled = time.monotonic()
        system.ends_by_itself("kafka")
        system.require_answers(load, filled)


@contextmanager
def full(system, server):
    disk = system.stack.disks[server]
    disk.fill()
    try:
        yield
    finally:
        disk.make_room()


def _use_up_the_wal(system, project):
    """A table that cannot grow is an error of one statement. This is PostgreSQL's end."""
    server = getattr(system.stack, f"{project}_db")

    def panicked():
        try:
            with psycopg.connect(server.superuser_url, autocommit=True) as connection:
                connection.execute("SELECT pg_switch_wal()")
        except psycopg.OperationalError:
            return True
        return False

    system.reach(panicked, "PostgreSQL finds no room for its WAL")
    system.ends_by_itself(server.name)
    system.wait_until_red(project)
