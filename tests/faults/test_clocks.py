"""The clock of one process goes ten minutes fast, then ten minutes slow, and is set right again.

Those of relay and consumer go slow alone: libfaketime shifts what librdkafka takes for now, and
does not know cnd_timedwait(3), so with a fast clock a wait that nobody ends lasts ten minutes.
"""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.clock import require_libfaketime
from tests.faults.invariants import require
from tests.faults.stacks import ClockStack
from tests.system.client import Api, User

pytestmark = pytest.mark.on(stack=ClockStack)
covers = pytest.mark.covers
MINUTES = 60


@pytest.fixture
def clocks(system):
    """Sets the clock of a part for a while, in seconds from this machine's."""
    clocks = system.stack.clocks
    require_libfaketime(next(iter(clocks.values())))
    yield {name: clock.differ for name, clock in clocks.items()}
    for clock in clocks.values():
        clock.differ(0)


@covers(
    "Kafka takes an event whatever its time", off="message_times", breaks="I6: the outbox is sent"
)
def test_of_the_relay(system, clocks, rng):
    _go_slow(system, clocks, rng, "relay", "events_sent")


@covers("an event is applied whatever its time", off="event_times", breaks="I1")
def test_of_the_consumer(system, clocks, rng):
    _go_slow(system, clocks, rng, "consumer", "messages_applied")


@covers(
    "a token that is out of its time is a 401", off="token_times", breaks="the API answers with"
)
@pytest.mark.parametrize("project", ["users", "notes"])
def test_of_a_web_server(system, clocks, rng, project):
    with system.under_load(rng) as load:
        for minutes in rng.sample([10, -10], 2):
            clocks[project](minutes * MINUTES)
            wrong = time.monotonic()
            # A token of users_project is too old or too young for notes_project.
            system.reach(lambda: load.statuses(wrong, "note") & {401, 500}, "notes are refused")  # noqa: B023
            found = load.statuses(wrong)
            require(found <= {None, 200, 201, 204, 401}, f"the API answers with {found}")
            clocks[project](0)
            system.reach_answers(load)


@covers(
    "a new password ends all tokens, whatever the database's clock does",
    off="never_back",
    breaks="a token is taken",
)
def test_of_users_db_between_two_new_passwords(system, clocks, rng):
    with system.under_load(rng), Api(system.stack.gateway_url) as api:
        _set_database(system, clocks, 10 * MINUTES)
        early = api.sign_in()
        _change_password(early)
        late = api.sign_in(early.user)
        _set_database(system, clocks, -10 * MINUTES)
        _change_password(late)
        system.wait_until_applied()
        found = {late.get(path).status_code for path in ("/api/v1/users/me/", "/api/v1/notes/")}
        require(found == {401}, f"a token is taken after the password was changed: {found}")


@covers("events are ordered by version, not by time", off="versions", breaks="I1")
def test_of_users_db(system, clocks, rng):
    with system.under_load(rng) as load:
        for minutes in (10, -10):
            _set_database(system, clocks, minutes * MINUTES)
            _go_on(system, load)


def _set_database(system, clocks, seconds):
    clocks["users_db"](seconds)
    query = "SELECT abs(extract(epoch FROM now()) - %s) < 60"
    expected = time.time() + seconds
    system.reach(lambda: system.users_sql(query, [expected]) == [(True,)], "the clock is set")


def _change_password(client):
    old, new = client.user.password, User().password
    passwords = {"current_password": old, "new_password": new}
    client.post("/api/v1/users/me/password/", json=passwords).raise_for_status()
    client.user.password = new


def _go_slow(system, clocks, rng, name, event):
    """The times in its log show it; under load a worker writes a line each second."""

    def shows():
        times = [line.split()[0] for line in lines().splitlines() if " [" in line]
        return bool(times) and datetime.fromisoformat(times[-1]) < datetime.now(UTC) - slow / 2

    slow = timedelta(minutes=10)
    with system.under_load(rng) as load:
        system.wait_for_log(name, event)
        lines = system.new_lines(name)
        clocks[name](-slow.total_seconds())
        system.reach(shows, "the clock is set")
        _go_on(system, load)


def _go_on(system, load):
    """All goes on with a wrong clock."""
    system.require_answers(load, time.monotonic())
    system.wait_until_applied()
