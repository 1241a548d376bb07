"""Three brokers: one dies, the others lag behind, two consumers share the partitions."""

import time

import pytest

from tests.faults import operations
from tests.faults.stacks import ClusterStack

pytestmark = pytest.mark.on(stack=ClusterStack)
covers = pytest.mark.covers
BROKERS = ["kafka", "kafka_2", "kafka_3"]


@covers(
    "each partition has its copies, and another leader within seconds", off="copies", breaks="I6"
)
def test_a_broker_is_killed(system, rng):
    with system.under_load(rng) as load:
        killed = time.monotonic()
        system.kill(rng.choice(BROKERS))  # It leads four of the twelve partitions.
        system.require_answers(load, killed)
        system.wait_until_applied()


@covers("a message counts once two brokers have written it", off="two_copies", breaks="I1")
def test_the_leader_dies_before_the_others_have_its_messages(system, rng):
    leader, *followers = rng.sample(BROKERS, 3)
    with system.under_load(rng) as load:
        for follower in followers:
            system.freeze(getattr(system.stack, follower))
        lines = system.new_lines("relay")
        # What a follower had asked for when it fell asleep waits in its socket: the first messages.
        for _ in range(2):
            some_left = _crowd(system)
            system.reach(
                lambda: "nothing_sent" in lines() or some_left(),  # noqa: B023
                "the relay gives up its messages, or takes some for sent",
            )
        system.require_answers(load, time.monotonic())
        system.kill(leader)
        system.go_on()
        system.wait_until_applied()


@covers(
    "a partition is read on from where its changes were applied",
    off="start_of_reading",
    breaks="I1",
)
def test_two_consumers_share_the_partitions(system, rng):
    with system.under_load(rng):
        system.another("consumer")
        system.reach(
            lambda: sorted(operations.shares(system)) == [6, 6], "each consumer has half of them"
        )
        system.kill("consumer")
        system.kill(rng.choice(BROKERS))
        system.wait_until_applied()


def _crowd(system):
    """Registers users in all partitions; gives what tells whether some have left the outbox."""
    crowd = [str(user_id) for user_id in system.register_crowd()]
    query = "SELECT count(*) FROM outbox WHERE aggregateid = ANY(%s)"
    return lambda: system.users_sql(query, [crowd]) < [(len(crowd),)]
