"""The topic is made anew, and offsets are not where they were."""

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    ConsumerGroupTopicPartitions,
    TopicPartition,
)

from tests.faults import operations
from tests.faults.invariants import EXCUSE, GROUP, TOPIC, end_offsets

covers, short = pytest.mark.covers, pytest.mark.short

RECREATED = "Read all of it again with `manage.py consume_user_events --from-beginning`."


@covers("a topic made anew is no place to read on", off="recreated_topic")
def test_topic_recreated(system, rng):
    with system.under_load(rng, sampled=False):
        operations.admin(system).delete_topics([TOPIC])[TOPIC].result()
        gone = lambda: TOPIC not in operations.admin(system).list_topics(timeout=5).topics  # noqa: E731
        system.wait(gone, "the topic is gone")
        system.manage("users", "create_topics")
        operations.wait_for_stop(system, "consumer", RECREATED)
        system.stack.consumer.start()
        operations.wait_for_stop(system, "consumer", RECREATED)

        operations.stop(system, "relay", "consumer")
        system.users_sql(EXCUSE)
        system.foreign.clear()
        system.count_from({})
        operations.run(system, "users", "create_topics")
        operations.run(system, "notes", "consume_user_events --from-beginning --until-caught-up")
        operations.start(system, "relay", "consumer")
        operations.run(system, "users", "republish_users")


@covers("reading begins at the stored position, not at Kafka's", off="stored_positions")
@pytest.mark.parametrize(
    "offset", [OFFSET_BEGINNING, OFFSET_END, None], ids=["earliest", "latest", "expired"]
)
def test_offsets_reset(system, rng, offset):
    with system.under_load(rng, sampled=False) as load:
        operations.stop(system, "consumer")
