"""The relay is killed, stopped and doubled."""

import pytest

covers, short = pytest.mark.covers, pytest.mark.short


@covers("a row leaves the outbox after Kafka acknowledged it", off="acknowledgement")
@short
def test_relay_killed_after_select(system, rng):
    with system.under_load(rng):
        point = (
            "SIGKILL",
            "after",
            "outbox.models.OutboxQuerySet.first_pending",
            rng.randint(3, 9),
        )
        system.wait_for_death("relay", system.restart("relay", failpoint=point))
