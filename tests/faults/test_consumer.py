"""The consumer is killed on both sides of its commit."""

import pytest

from tests.faults import operations

covers, short = pytest.mark.covers, pytest.mark.short


@covers("what is applied and how far, in one transaction", off="one_transaction", breaks="I7")
@short
def test_consumer_killed_before_the_commit(system, rng):
    with system.under_load(rng):
        point = ("SIGKILL", "after", "inbox.apply.write_event_log", rng.randint(2, 9))
        system.wait_for_death("consumer", system.restart("consumer", failpoint=point))


@covers(
    "reading begins at the stored position, not at Kafka's", off="stored_positions", breaks="I7"
)
def test_consumer_killed_after_the_commit(system, rng):
    with system.under_load(rng):
        point = ("SIGKILL", "before", "inbox.kafka.Subscription.commit", rng.randint(2, 9))
        system.wait_for_death("consumer", system.restart("consumer", failpoint=point))


@covers(
    "PostgreSQL gives up a consumer that hangs",
    off="session_limits",
    breaks="I6: the event arrives",
)
def test_consumer_hangs_in_a_transaction(system, rng):
    """With the locks of its users and partitions, which another has by now."""
    with system.under_load(rng):
        point = ("SIGSTOP", "after", "inbox.apply.write_event_log", rng.randint(2, 9))
        mark = system.restart("consumer", failpoint=point)
        system.reach(mark.exists, "the consumer has a batch in a transaction")
        system.another("consumer")
        for user in system.register_crowd():
            system.wait_for_shadow(user)
        operations.wake(system.stack.consumer)


@covers("Kafka is told of a batch once it is applied", off="commit_last", breaks="I5")
def test_consumer_asleep_before_the_commit(system, rng):
    with system.under_load(rng):
        point = ("SIGSTOP", "after", "inbox.apply.write_event_log", rng.randint(2, 9))
        mark = system.restart("consumer", failpoint=point)
        system.reach(mark.exists, "the consumer has a batch in a transaction")
        system.require_committed_is_applied()
        operations.wake(system.stack.consumer)
        system.wait_until_applied()
