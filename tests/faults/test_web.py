"""A web worker is killed within a registration: row and event are both there, or neither."""

import pytest

covers = pytest.mark.covers
BEFORE = "accounts.models.UserQuerySet.create_user"
AFTER = "accounts.serializers.RegistrationSerializer.create"


@covers(
    "the event is written by a trigger, in the same transaction",
    off="event_by_trigger_first",
    breaks="I2",
)
def test_web_worker_killed_before_the_commit(system, rng):
    with system.under_load(rng) as load:
        kill_a_worker(system, load, BEFORE, rng.randint(1, 3))


@covers(
    "the event is written by a trigger, in the same transaction",
    off="event_by_trigger_last",
    breaks="I1",
)
def test_web_worker_killed_after_the_commit(system, rng):
    with system.under_load(rng) as load:
        kill_a_worker(system, load, AFTER, rng.randint(1, 3))


def kill_a_worker(system, load, target, call):
    """The gateway says so to the client, and another worker takes its place."""
    mark = system.restart("users", failpoint=("SIGKILL", "after", target, call))
    system.reach(mark.exists, "a worker is killed")
    system.reach(lambda: load.refused(0.0, ["register"]), "its client hears of it")
    assert load.statuses(0.0, "register") == {201, 502}
