"""Each database is killed, shut down at once, and stopped in the middle of its work."""

import os
import signal

import psycopg
import pytest

from tests.faults import operations
from tests.faults.invariants import committed_offsets

covers = pytest.mark.covers

EACH = pytest.mark.parametrize(
    ("name", "project"),
    [
        pytest.param(
            "users_db",
            "users",
            marks=covers(
                "the relay outlives its connection", off="relay_retries", breaks="I6: relay ended"
            ),
            id="users_db",
        ),
        pytest.param(
            "notes_db",
            "notes",
            marks=covers(
                "the consumer outlives its connection",
                off="consumer_retries",
                breaks="I6: consumer ended",
            ),
            id="notes_db",
        ),
    ],
)


@EACH
@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGKILL, marks=pytest.mark.short), signal.SIGQUIT],
    ids=["killed", "immediate"],
)
def test_database_ended(system, rng, name, project, number):
    with system.under_load(rng):
        system.kill(name, number)
        system.wait_until_red(project)
        system.wait_for_log(
            {"users": "relay", "notes": "consumer"}[project], "database_unavailable"
        )


@pytest.mark.parametrize(
    ("name", "project", "worker"),
    [
        pytest.param(
            "users_db",
            "users",
            "relay",
            marks=covers(
                "the wait for an answer has a limit", off="relay_limit", breaks="I6: relay gives up"
            ),
            id="users_db",
        ),
        pytest.param(
            "notes_db",
            "notes",
            "consumer",
            marks=covers(
                "the wait for an answer has a limit",
                off="consumer_limit",
                breaks="I6: consumer gives up",
            ),
            id="notes_db",
        ),
    ],
)
def test_database_stopped(system, rng, name, project, worker):
    """SIGSTOP: its kernel goes on acknowledging what it never answers."""
    with system.under_load(rng):
        system.freeze(getattr(system.stack, name))
        lines = system.new_lines(worker)
        system.wait_until_red(project)
        system.wait(lambda: "database_unavailable" in lines(), f"I6: {worker} gives up waiting")


@covers("Kafka is told of what is on the disk", off="durable", breaks="I5")
def test_notes_db_killed_before_its_wal_is_written(system, rng):
    """Without the process that writes it, and without load, only who waits for a commit does so."""
    with system.under_load(rng) as load:
        load.stop()
        system.wait_until_applied()
        wal_writer = pid_of(system.stack.notes_db, "walwriter")
        system.freeze_process(wal_writer)
        system.wait_for_shadow(system.register())
        system.reach(lambda: all_is_committed(system), "Kafka has all offsets")
        system.freeze(system.stack.consumer)
        system.kill("notes_db")
        os.kill(wal_writer, signal.SIGKILL)
        operations.start(system, "notes_db")
        system.require_committed_is_applied()
        system.go_on()
        system.start_load(rng)


def pid_of(server, kind):
    query = "SELECT pid FROM pg_stat_activity WHERE backend_type = %s"
    with psycopg.connect(server.superuser_url) as connection:
        ((pid,),) = connection.execute(query, [kind]).fetchall()
    return pid


def all_is_committed(system):
    committed = system.once_kafka_answers(lambda: committed_offsets(system.onlooker))
    return all(committed[number] == end for number, end in system.ends().items() if end)
