"""Where the consumer begins to read, and what stops it there."""

import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from django.core.management import CommandError, call_command
from django.db import OperationalError

from inbox.models import EventLog, Position, Topic
from inbox.positions import CannotRead
from tests.notes.inbox.consuming import PARTITIONS, catch_up, create
from tests.notes.inbox.events import created, updated
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_stored_position_counts_and_not_kafkas(configured, created_topic, send):
    """Kafka's offsets are moved behind and beyond what was applied; nothing is lost or repeated."""
    send(created(uuid.uuid4()))
    call_command("consume_user_events", "--until-caught-up")
    send(created(uuid.uuid4()))
    for wrong in (0, 1_000):
        group = Consumer(configured)
        group.commit(
            offsets=[TopicPartition(created_topic, n, wrong) for n in range(PARTITIONS)],
            asynchronous=False,
        )
        group.close()
        call_command("consume_user_events", "--until-caught-up")
        assert EventLog.objects.count() == 2
    assert set(EventLog.objects.values_list("outcome", flat=True)) == {"applied"}


def test_a_recreated_topic_stops_the_worker_and_says_what_to_run(configured, created_topic):
    Position.objects.create(topic=created_topic, partition=1, next_offset=7)
    with pytest.raises(CommandError, match=r"\[1\] is 7, beyond the end .*--from-beginning"):
        call_command("consume_user_events")


def test_messages_deleted_unread_stop_the_worker(configured, kafka, created_topic, send):
    """Those that were read may go."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    user_id = uuid.uuid4()
    send(*(created(user_id) for _ in range(3)))
    call_command("consume_user_events", "--until-caught-up")
    (position,) = Position.objects.all()
    place = TopicPartition(created_topic, position.partition, 3)
    admin.delete_records([place])[place].result()
    call_command("consume_user_events", "--until-caught-up")
    send(*(updated(user_id, version) for version in (2, 3, 4)))
    place.offset = 5
    admin.delete_records([place])[place].result()
    for command in ("consume_user_events", "pipeline_status"):
        with pytest.raises(CommandError, match=r"Messages 3 to 4 .*--from-beginning"):
            call_command(command)
    call_command("consume_user_events", "--until-caught-up", "--from-beginning")
    assert User.objects.get().version == 4


def test_a_topic_recreated_under_a_running_worker_stops_it(
    consumer, kafka, created_topic, send, monkeypatch
):
    """With the topic unknown, while it is not there; else because its id is another."""
    monkeypatch.setattr("inbox.consumer.LOOK_INTERVAL", 0.1)
    send(*(created(uuid.uuid4()) for _ in range(20)))
    catch_up(consumer)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.delete_topics([created_topic])[created_topic].result()
    create(admin, created_topic)
    with pytest.raises(CannotRead):
        consumer.run(lambda: False)


def test_a_recreated_topic_is_found_out_where_the_positions_fit(configured, settings, send):
    send(created(uuid.uuid4()))
    call_command("consume_user_events", "--until-caught-up")
    Topic.objects.update(topic_id="that of the topic before")
    with pytest.raises(CommandError, match=r"is not the topic .*--from-beginning"):
        call_command("consume_user_events", "--until-caught-up")
    call_command("consume_user_events", "--until-caught-up", "--from-beginning")
    assert list(EventLog.objects.values_list("outcome", flat=True)) == ["applied", "duplicate"]


def test_a_database_without_positions_begins_at_the_beginning(configured, send):
    """As after a restore from a backup of before the first message; Kafka's offset is ahead."""
    send(created(uuid.uuid4()))
    call_command("consume_user_events", "--until-caught-up")
    for model in (Position, Topic, User):
        model.objects.all().delete()
    call_command("consume_user_events", "--until-caught-up")
    assert User.objects.count() == 1


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "as messages come"])
def test_a_database_that_goes_back_under_a_running_worker_is_caught_up(
    consumer, send, monkeypatch, idle
):
    """As after a failover to a replica that lagged, or a restore beside the worker."""
    monkeypatch.setattr("inbox.consumer.LOOK_INTERVAL", 0.1 if idle else 3600)
    users = [uuid.uuid4() for _ in range(60)]
    send(*(created(user) for user in users[:40]))
    catch_up(consumer)
    backup = dict(Position.objects.values_list("partition", "next_offset"))
    kept = set(User.objects.values_list("id", flat=True))
    send(*(created(user) for user in users[40:]))
    catch_up(consumer)

    User.objects.exclude(id__in=kept).delete()
    for partition, offset in backup.items():
        Position.objects.filter(partition=partition).update(next_offset=offset)
    if not idle:
        send(*(updated(user, 2) for user in users[:40]))
    consumer.run(lambda: User.objects.count() == 60)
    catch_up(consumer)
    versions = set(User.objects.values_list("version", flat=True))
    assert versions == ({1} if idle else {1, 2})


def test_what_is_in_hand_of_a_partition_that_begins_again_is_read_again(
    consumer, subscription, created_topic, send, monkeypatch
):
    """It went away and came back while the database was away, which then came back older."""

    def away(*_):
        raise OperationalError("the database is away")

    users = [uuid.uuid4() for _ in range(60)]
    backup = {}
    for twenty in (users[:20], users[20:40]):
        send(*(created(user) for user in twenty))
        catch_up(consumer)
        backup = backup or dict(Position.objects.values_list("partition", "next_offset"))
    send(*(created(user) for user in users[40:]))
    with monkeypatch.context() as patch:
        patch.setattr("inbox.consumer.apply_batch", away)
        while not consumer.in_hand:
            consumer.step()
    User.objects.exclude(id__in=users[:20]).delete()
    for partition, offset in backup.items():
        Position.objects.filter(partition=partition).update(next_offset=offset)
    places = [TopicPartition(created_topic, number) for number in subscription.reading]
    subscription._revoked(None, places)
    subscription._assigned(None, places)
    catch_up(consumer)
    assert User.objects.count() == 60


def test_kafka_is_told_of_nothing_that_a_crash_took_back(consumer, subscription, send, monkeypatch):
    told = []
    monkeypatch.setattr(subscription, "commit", told.append)
    monkeypatch.setattr("inbox.consumer.LOOK_INTERVAL", 3600)
    consumer._report_at = float("inf")
    send(created(uuid.uuid4()))
    while not consumer.step():
        continue
    Position.objects.update(next_offset=0)
    consumer._report_at = 0.0
    consumer.step()
    assert told == []
    while not told:
        consumer.step()
    assert list(told[0].values()) == [1]


def test_a_position_beyond_the_end_is_no_negative_lag(configured, created_topic):
    Position.objects.create(topic=created_topic, partition=1, next_offset=7)
    with pytest.raises(CommandError, match=r"beyond the end .*--from-beginning"):
        call_command("pipeline_status")


def test_a_missing_topic_is_said_with_what_to_run(configured, settings, kafka):
    settings.KAFKA_TOPIC = "no-such-topic"
    with pytest.raises(CommandError, match=r"no-such-topic cannot be read.*create_topics"):
        call_command("consume_user_events")
