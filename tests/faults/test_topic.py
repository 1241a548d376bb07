"""The topic is made anew or loses messages, and Kafka's offsets are not where they were."""

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.faults import operations
from tests.faults.invariants import EXCUSE, GROUP, TOPIC, positions, shadows_equal_users

covers, short = pytest.mark.covers, pytest.mark.short


@covers("a topic made anew is no place to read on", off="recreated_topic", breaks="the consumer")
def test_topic_recreated(system, rng):
    with system.under_load(rng, sampled=False):
        make_anew(system)
        operations.stop(system, "relay", "consumer")
        operations.run(system, "users", "create_topics")
        system.foreign.clear()
        read_what_is_there(system, dict.fromkeys(positions(system.notes_sql), 0))


@covers("rebuild_users stores what the topic knows better", off="rebuild", breaks="I1")
def test_topic_recreated_and_users_rebuilt(system, rng):
    """The consumer stays stopped until the shadow users are the users."""
    with system.under_load(rng, sampled=False) as load:
        make_anew(system)
        system.wait_for_changes(100)
        load.stop()
        system.foreign.clear()
        system.users_sql(EXCUSE)
        operations.run(system, "users", "republish_users")
        operations.delete_ghosts(system)
        all_sent = lambda: system.users_sql("SELECT count(*) FROM outbox") == [(0,)]  # noqa: E731
        system.wait(all_sent, "I6: the outbox is sent")
        operations.run(system, "notes", "rebuild_users --dry-run", code=1)
        operations.run(system, "notes", "rebuild_users")
        shadows_equal_users(system.users_sql, system.notes_sql)

        system.count_from(dict.fromkeys(positions(system.notes_sql), 0))
        operations.run(system, "notes", "consume_user_events --from-beginning --until-caught-up")
        operations.start(system, "consumer")
        system.start_load(rng)


@covers("unread messages that are gone are missed", off="unread_messages", breaks="the consumer")
def test_messages_deleted(system, rng):
    """First those that were read, by which nothing changes."""
    with system.under_load(rng, sampled=False) as load:
        set_policy(system, "compact,delete")
        begin = {n: rng.randint(0, end) for n, end in positions(system.notes_sql).items()}
        delete_before(system, begin)
        operations.stop(system, "consumer")
        operations.start(system, "consumer")
        system.reach_answers(load)

        operations.stop(system, "consumer")
        read = positions(system.notes_sql)
        beyond = lambda: all(end > read.get(n, 0) for n, end in system.ends().items())  # noqa: E731
        system.reach(beyond, "each partition has unread messages")
        operations.stop(system, "relay")
        begin = system.ends()
        delete_before(system, begin)
        system.stack.consumer.start()
        operations.wait_for_stop(system, "consumer", "deleted before they were read.")

        operations.run(system, "users", "create_topics", code=1)
        set_policy(system, "compact")
        operations.run(system, "users", "create_topics")
        read_what_is_there(system, begin)


@covers(
    "reading begins at the stored position, not at Kafka's", off="stored_positions", breaks="I7"
)
@pytest.mark.parametrize("to", ["earliest", "latest", "expired"])
def test_offsets_reset(system, rng, to):
    with system.under_load(rng, sampled=False):
        system.wait_until_applied()  # There is something to be read twice.
        operations.stop(system, "consumer")
        read = positions(system.notes_sql)
        system.reach(
            lambda: sum(system.ends().values()) > sum(read.values()) + 20, "unread messages"
        )
        admin = operations.admin(system)
        if to == "expired":
            admin.delete_consumer_groups([GROUP])[GROUP].result()
        else:
            offsets = system.ends() if to == "latest" else dict.fromkeys(system.ends(), 0)
            places = [TopicPartition(TOPIC, *offset) for offset in offsets.items()]
            request = [ConsumerGroupTopicPartitions(GROUP, places)]
            admin.alter_consumer_group_offsets(request)[GROUP].result()
        operations.start(system, "consumer")


def make_anew(system):
    """Until the consumer has ended and says so."""
    admin = operations.admin(system)
    admin.delete_topics([TOPIC])[TOPIC].result()
    system.reach(lambda: TOPIC not in admin.list_topics(timeout=5).topics, "the topic is gone")
    operations.run(system, "users", "create_topics")
    # It may have seen that there was none.
    operations.wait_for_stop(system, "consumer", "user-events")
    system.stack.consumer.start()
    again = (
        "Read all of it again with"
        " `manage.py consume_user_events --from-beginning --until-caught-up`."
    )
    operations.wait_for_stop(system, "consumer", again)


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
