"""The consumer is killed on both sides of its commit."""

import pytest

covers, short = pytest.mark.covers, pytest.mark.short


@covers("what is applied and how far, in one transaction", off="one_transaction")
@short
def test_consumer_killed_before_the_commit(system, rng):
    with system.under_load(rng):
        point = ("SIGKILL", "after", "inbox.apply._write_event_log", rng.randint(2, 9))
        system.wait_for_death("consumer", system.restart("consumer", failpoint=point))


@covers("reading begins at the stored position, not at Kafka's", off="stored_positions")
def test_consumer_killed_after_the_commit(system, rng):
    with system.under_load(rng):
        point = ("SIGKILL", "before", "inbox.kafka.Subscription.commit", rng.randint(2, 9))
        system.wait_for_death("consumer", system.restart("consumer", failpoint=point))
