"""Consumers join, leave and sleep while others read."""

import pytest

from tests.faults import operations
from tests.faults.invariants import positions

covers, short = pytest.mark.covers, pytest.mark.short


@covers(
    "a partition is read on from its stored position, whoever reads it",
    off="positions",
    breaks="I7",
)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_consumers_join_and_leave(system, rng, protocol):
    environment = {"KAFKA_GROUP_PROTOCOL": protocol}
    with system.under_load(rng):
        system.restart("consumer", environment=environment)
        for _ in range(rng.randint(3, 5)):
            joined = system.another("consumer", environment=environment)
            system.reach(lambda: both_read(system), "both read")
            wait_for_messages(system, rng.randint(1, 30))
            joined.stop()
            wait_for_messages(system, rng.randint(1, 30))


@covers("the stored position stops a worker whose partition another has", off="fence", breaks="I7")
def test_consumer_asleep_past_its_session(system, rng):
    """With a batch in hand, which another applies meanwhile."""
    with system.under_load(rng):
        point = ("SIGSTOP", "before", "inbox.consumer.apply_batch", rng.randint(2, 9))
        mark = system.restart("consumer", failpoint=point)
        sleeper = system.stack.consumer
        system.reach(mark.exists, "the consumer comes to its failpoint")
        system.another("consumer")
        system.reach(lambda: operations.shares(system) == [12], "another has all partitions")
        wait_for_messages(system, 100)
        log = system.stack.folder / "logs" / "consumer.log"
        start = log.stat().st_size
        operations.wake(sleeper)
        system.reach(lambda: "messages_applied" in log.read_text()[start:], "it goes on")
        system.reach(lambda: both_read(system), "both read")


def both_read(system):
    shares = operations.shares(system)
    return len(shares) == 2 and all(shares)


def wait_for_messages(system, count):
    """Until so many more are applied."""

    def applied():
        return sum(positions(system.notes_sql).values())

    before = applied()
    system.reach(lambda: applied() >= before + count, f"{count} more messages are applied")
