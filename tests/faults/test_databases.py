"""Each database is killed, shut down at once, and stopped in the middle of its work."""

import signal

import pytest

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
