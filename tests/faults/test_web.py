"""A web worker is killed within a registration: row and event are both there, or neither."""

import pytest

covers = pytest.mark.covers


@covers(
    "the event is written by a trigger, in the same transaction",
    off="event_by_trigger_first",
    breaks="I2",
)
def test_web_worker_killed_before_the_commit(system, rng):
    with system.under_load(rng) as load:
        point = ("SIGKILL", "after", "accounts.models.UserQuerySet.create_user", rng.randint(1, 3))
        mark = system.restart("users", failpoint=point)
        system.reach(mark.exists, "a worker is killed")
        system.reach(lambda: load.refused(0.0, ["register"]), "its client hears of it")


@covers(
    "the event is written by a trigger, in the same transaction",
    off="event_by_trigger_last",
    breaks="I1",
)
def test_web_worker_killed_after_the_commit(system, rng):
    with system.under_load(rng) as load:
        create = "accounts.serializers.RegistrationSerializer.create"
        mark = system.restart("users", failpoint=("SIGKILL", "after", create, rng.randint(1, 3)))
        system.reach(mark.exists, "a worker is killed")
        system.reach(lambda: load.refused(0.0, ["register"]), "its client hears of it")
