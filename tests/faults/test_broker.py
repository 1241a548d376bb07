"""Kafka is killed, stopped and bounced. The API does not notice."""

import time

import pytest

from tests.faults import operations

covers, short = pytest.mark.covers, pytest.mark.short


@covers(
    "a request writes into the outbox and asks nobody else",
    off="outbox",
    breaks="the API does not answer",
)
@short
def test_broker_killed(system, rng):
    with system.under_load(rng) as load:
        system.kill("kafka")
        system.require_answers(load, time.monotonic())


@covers("a row that Kafka did not acknowledge stays", off="delivery_reports", breaks="I2")
def test_broker_stopped(system, rng):
    """For longer than messages wait for their acknowledgement in the relay."""
    with system.under_load(rng) as load:
        system.freeze(system.stack.kafka)
        # More than can be on their way at once: the rest is still in the relay.
        lines, crowd = system.new_lines("relay"), system.register_crowd()
        system.reach(
            lambda: "nothing_sent" in lines() or not system.waits_in_outbox(crowd),
            "the relay gives up its messages",
        )
        system.require_answers(load, time.monotonic())


@covers("acks=all: Kafka acknowledges what it has written", off="acks", breaks="I2")
def test_broker_bounced_five_times(system, rng):
    """It dies with requests in hand."""
    since = time.monotonic()
    with system.under_load(rng) as load:
        for _ in range(5):
            system.freeze(system.stack.kafka)
            system.wait_for_changes(rng.randint(5, 30))
            system.kill("kafka")
            operations.start(system, "kafka")
        system.require_answers(load, since)
