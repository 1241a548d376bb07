"""The topic is made anew or loses messages, and Kafka's offsets are not where they were."""

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.faults import operations
from tests.faults.invariants import EXCUSE, GROUP, TOPIC, end_offsets, positions

covers, short = pytest.mark.covers, pytest.mark.short


@covers("a topic made anew is no place to read on", off="recreated_topic")
def test_topic_recreated(system, rng):
    again = "Read all of it again with `manage.py consume_user_events --from-beginning`."
    with system.under_load(rng, sampled=False):
        admin = operations.admin(system)
        admin.delete_topics([TOPIC])[TOPIC].result()
        system.wait(lambda: TOPIC not in admin.list_topics(timeout=5).topics, "the topic is gone")
        operations.run(system, "users", "create_topics")
        # It may have seen that there was none.
        operations.wait_for_stop(system, "consumer", "user-events")
        system.stack.consumer.start()
        operations.wait_for_stop(system, "consumer", again)

        operations.stop(system, "relay", "consumer")
        operations.run(system, "users", "create_topics")
        system.foreign.clear()
        read_what_is_there(system, dict.fromkeys(positions(system.notes_sql), 0))


@covers("unread messages that are gone are missed", off="unread_messages")
def test_messages_deleted(system, rng):
    """First those that were read, by which nothing changes."""
    with system.under_load(rng, sampled=False) as load:
        set_policy(system, "compact,delete")
        begin = {n: rng.randint(0, end) for n, end in positions(system.notes_sql).items()}
        delete_before(system, begin)
        operations.stop(system, "consumer")
        operations.start(system, "consumer")
        answered = load.answers[-1].at
        system.wait(lambda: load.answered(answered), "the load goes on")

        operations.stop(system, "consumer")
        read = positions(system.notes_sql)
        beyond = lambda: all(end > read.get(n, 0) for n, end in ends(system).items())  # noqa: E731
        system.wait(beyond, "each partition has unread messages")
        operations.stop(system, "relay")
        begin = ends(system)
        delete_before(system, begin)
        system.stack.consumer.start()
        operations.wait_for_stop(system, "consumer", "deleted before they were read.")

        operations.run(system, "users", "create_topics", code=1)
        set_policy(system, "compact")
        operations.run(system, "users", "create_topics")
        read_what_is_there(system, begin)


@covers("reading begins at the stored position, not at Kafka's", off="stored_positions")
@pytest.mark.parametrize("to", ["earliest", "latest", "expired"])
def test_offsets_reset(system, rng, to):
    with system.under_load(rng, sampled=False):
        operations.stop(system, "consumer")
        read = positions(system.notes_sql)
        system.wait(lambda: sum(ends(system).values()) > sum(read.values()) + 20, "unread messages")
        admin = operations.admin(system)
        if to == "expired":
            admin.delete_consumer_groups([GROUP])[GROUP].result()
        else:
            offsets = ends(system) if to == "latest" else dict.fromkeys(ends(system), 0)
            places = [TopicPartition(TOPIC, *offset) for offset in offsets.items()]
            request = [ConsumerGroupTopicPartitions(GROUP, places)]
            admin.alter_consumer_group_offsets(request)[GROUP].result()
        operations.start(system, "consumer")


def read_what_is_there(system, begin):
    """The documented steps from the second on. What was sent before them has no message.

    Args:
        begin: where the partitions begin, by number.
    """
    system.users_sql(EXCUSE)
    system.count_from(begin)
    operations.run(system, "notes", "consume_user_events --from-beginning --until-caught-up")
    operations.start(system, "relay", "consumer")
    operations.run(system, "users", "republish_users")
    operations.delete_ghosts(system)


def ends(system):
    return end_offsets(system.onlooker)


def set_policy(system, policy):
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
    admin = operations.admin(system)  # It must outlive the answer.
    admin.incremental_alter_configs([topic])[topic].result()


def delete_before(system, offsets):
    places = [TopicPartition(TOPIC, *offset) for offset in offsets.items()]
    admin = operations.admin(system)
    for done in admin.delete_records(places).values():
        done.result()
