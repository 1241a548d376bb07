"""The consumer's steps, against a real broker."""

import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import Future
from io import StringIO

import pytest
from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, NewTopic
from django.core.management import CommandError, call_command
from django.db import OperationalError

from devstack.processes import wait_until
from inbox import topic as inbox_topic
from inbox.consumer import EventConsumer, TooManyDeadLetters
from inbox.kafka import Subscription, consumer_config
from inbox.models import DeadLetter, EventLog, Position, Topic
from inbox.positions import CannotRead
from inbox.topic import BrokerUnavailable, group_size
from tests import raw_headers
from tests.notes.inbox.events import created, raw, updated
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

PARTITIONS = 3


@pytest.fixture(params=["classic", "consumer"])
def protocol(request):
    return request.param


@pytest.fixture
def created_topic(kafka, topic):
    create(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), topic)
    return topic


def create(admin, topic):
    """Deleting a topic goes on after the answer: until its end the name is taken.

    And the brokers hear of a new one after the answer.
    """
    while True:
        try:
            admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            break
    while admin.list_topics(topic, 10).topics[topic].error:
        continue


@pytest.fixture
def send(kafka, created_topic):
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

    def send(*messages):
        for message in messages:
            producer.produce(created_topic, message.value, message.key)
        producer.flush()

    return send


@pytest.fixture
def configured(kafka, created_topic, protocol, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = created_topic
    settings.KAFKA_GROUP_ID = f"notes-{uuid.uuid4()}"
    settings.KAFKA_GROUP_PROTOCOL = protocol
    return consumer_config(kafka.bootstrap_servers, settings.KAFKA_GROUP_ID, protocol)


@pytest.fixture
def subscription(configured, created_topic):
    subscription = Subscription(configured, created_topic)
    yield subscription
    subscription.close()


@pytest.fixture
def consumer(subscription, created_topic):
    return EventConsumer(subscription, created_topic)


def catch_up(consumer):
    consumer.run(consumer.caught_up)


def committed(configured, topic):
    consumer = Consumer(configured)
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    offsets = {place.partition: place.offset for place in consumer.committed(places, 10)}
    consumer.close()
    return offsets


def test_what_is_in_the_topic_is_applied_and_committed(consumer, send, configured, created_topic):
    users = [uuid.uuid4() for _ in range(50)]
    send(*(created(user) for user in users), *(updated(user, 2) for user in users))
    catch_up(consumer)
    assert set(User.objects.values_list("id", "version")) == {(user, 2) for user in users}
    assert EventLog.objects.count() == 100
    positions = dict(Position.objects.values_list("partition", "next_offset"))
    assert sum(positions.values()) == 100
    assert wait_until(lambda: committed(configured, created_topic).items() >= positions.items(), 30)


def test_the_command_applies_and_stops_at_the_end(configured, send):
    send(created(uuid.uuid4()))
    call_command("consume_user_events", "--until-caught-up")
    assert User.objects.count() == 1
    call_command("consume_user_events", "--until-caught-up")
    assert EventLog.objects.count() == 1
    call_command("consume_user_events", "--until-caught-up", "--from-beginning")
    assert list(EventLog.objects.order_by("id").values_list("outcome", flat=True)) == [
        "applied",
        "duplicate",
    ]


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


def test_a_header_whose_name_is_not_utf8_stops_nothing(configured, kafka, created_topic, send):
    """Neither at first nor once the interpreter has specialized the call."""
    message = created(uuid.uuid4())
    raw_headers.send(
        kafka.bootstrap_servers, created_topic, message.key, message.value, b"\xff\x00"
    )
    call_command("consume_user_events", "--until-caught-up")
    assert EventLog.objects.get().outcome == "applied"
    send(*(created(uuid.uuid4()) for _ in range(100)))
    call_command("consume_user_events", "--until-caught-up")
    raw_headers.send(kafka.bootstrap_servers, created_topic, message.key, b"{", b"\xff\x00")
    call_command("consume_user_events", "--until-caught-up")
    assert EventLog.objects.count() == 102
    assert DeadLetter.objects.get().headers == []


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


def test_a_position_beyond_the_end_is_no_negative_lag(configured, created_topic):
    Position.objects.create(topic=created_topic, partition=1, next_offset=7)
    with pytest.raises(CommandError, match=r"beyond the end .*--from-beginning"):
        call_command("pipeline_status")


def test_a_missing_topic_is_said_with_what_to_run(configured, settings, kafka):
    settings.KAFKA_TOPIC = "no-such-topic"
    with pytest.raises(CommandError, match=r"no-such-topic cannot be read.*create_topics"):
        call_command("consume_user_events")


def test_many_bad_messages_in_a_row_stop_the_worker(consumer, subscription, send):
    consumer.dead_letter_limit = 5
    good = created(uuid.uuid4())
    bad = [raw(b"{", key=good.key) for _ in range(4)]
    send(*bad, good, *bad)
    catch_up(consumer)
    assert DeadLetter.objects.count() == 8
    send(bad[0])
    with pytest.raises(TooManyDeadLetters, match="The last 5 messages"):
        consumer.run(lambda: False)
    assert DeadLetter.objects.count() == 9

    send(good)
    again = EventConsumer(subscription, consumer.topic, dead_letter_limit=5)
    with pytest.raises(TooManyDeadLetters):
        again.run(lambda: False)
    call_command("discard_dead_letters", "--all", "--reason", "seen")
    catch_up(EventConsumer(subscription, consumer.topic, dead_letter_limit=5))
    assert EventLog.objects.count() == 11


def test_a_worker_that_cannot_read_never_joins_the_group(
    consumer, configured, created_topic, kafka, send
):
    """Its session would hold up those who wait for the group to be empty."""
    Topic.objects.create(name=created_topic, topic_id="that of the topic before")
    with pytest.raises(CannotRead):
        consumer.run(lambda: False)
    assert group_size(kafka.bootstrap_servers, configured["group.id"]) == 0


def test_the_lag_is_what_is_not_given_out_yet(consumer, subscription, send):
    user, seen = uuid.uuid4(), []
    send(*(updated(user, version) for version in range(1, 31)))
    consumer.batch_size = 10
    consumer.run(consumer.caught_up, lambda applied: seen.append((applied, subscription.lag())))
    assert seen[-1] == (30, 0)
    assert {applied + lag for applied, lag in seen if applied} == {30}
    assert len({lag for _, lag in seen}) > 2


def test_what_kafka_says_is_in_the_log(subscription, log):
    subscription._handle(KafkaError(KafkaError.REQUEST_TIMED_OUT))
    assert "Request timed out" in json.loads(log.getvalue().splitlines()[-1])["error"]


@pytest.mark.parametrize("size", ["0", "-1", "2001", "x"])
def test_a_batch_has_a_limit(size):
    with pytest.raises(CommandError, match="--batch-size: invalid"):
        call_command("consume_user_events", f"--batch-size={size}")


def test_nothing_is_forgotten_under_a_running_consumer(consumer, send, monkeypatch):
    monkeypatch.setattr("inbox.management.commands.consume_user_events.LEAVING", 0.0)
    send(created(uuid.uuid4()))
    catch_up(consumer)
    with pytest.raises(CommandError, match=r"1 consumers are in the group .* stop them first"):
        call_command("consume_user_events", "--from-beginning")
    assert Position.objects.exists()


def test_a_database_that_is_away_is_waited_for_however_long(consumer, send, monkeypatch):
    """The pauses have a limit, the member stays in its group, and then all is applied once."""
    now = [0.0]
    consumer.clock = lambda: now[0]

    def away(*_):
        raise OperationalError("the database is away")

    send(created(uuid.uuid4()))
    with monkeypatch.context() as patch:
        patch.setattr("inbox.consumer.apply_batch", away)
        while not consumer._database.failures:
            consumer.step()
        for _ in range(1100):
            now[0] += 60
            consumer.step()
    assert consumer._database.failures > 1100
    now[0] += 60
    assert consumer.step() == 1
    assert User.objects.count() == 1


def test_what_is_applied_counts_where_the_database_is_lost_behind_it(consumer, send, monkeypatch):
    def away(_):
        raise OperationalError("the database is away")

    monkeypatch.setattr("inbox.consumer.make_durable", away)
    send(created(uuid.uuid4()))
    steps = []
    while not consumer._database.failures:
        consumer._report_at = 0.0
        steps.append(consumer.step())
    assert User.objects.count() == sum(steps) == 1


def test_a_broker_that_answers_no_question_does_not_stop_what_is_read(
    consumer, subscription, send, monkeypatch
):
    def away():
        raise BrokerUnavailable("no answer")

    monkeypatch.setattr("inbox.consumer.LOOK_INTERVAL", 0.0)
    consumer.batch_size = 50
    send(created(uuid.uuid4()))
    catch_up(consumer)
    monkeypatch.setattr(subscription, "topic_id", away)
    send(*(created(uuid.uuid4()) for _ in range(1000)))
    applied = 1
    while applied < 1001:
        step = consumer.step()
        applied += step
        assert step <= 50
    assert consumer._broker.failures
    assert User.objects.count() == 1001


def test_a_partition_whose_broker_is_away_holds_up_no_other(
    consumer, subscription, send, monkeypatch
):
    def without_the_first(admin, topic, numbers):
        return inbox_topic.bounds(admin, topic, set(numbers) - {0})

    send(*(created(uuid.uuid4()) for _ in range(100)))
    with monkeypatch.context() as patch:
        patch.setattr("inbox.kafka.bounds", without_the_first)
        consumer.run(lambda: consumer._broker.failures > 1 and subscription.at_end == {1, 2})
        others = User.objects.count()
        assert 0 < others < 100
    catch_up(consumer)
    assert User.objects.count() == 100


def test_an_answer_without_an_offset_is_none(monkeypatch):
    """As librdkafka gives while a partition changes its leader."""

    class Admin:
        def list_offsets(self, asked, request_timeout):
            answers = {place: Future() for place in asked}
            for place, answer in answers.items():
                offset = 3 if place.partition else OFFSET_INVALID
                answer.set_result(ListOffsetsResultInfo(offset, -1, -1))
            return answers

    monkeypatch.setattr(inbox_topic, "BROKER_TIMEOUT", 0.1)
    assert inbox_topic.bounds(Admin(), "user-events", {0, 1}) == {1: (3, 3)}


def test_a_worker_that_never_reached_the_database_ends_in_order_too(kafka, created_topic, settings):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC": created_topic,
        "NOTES_DATABASE_URL": "postgres://notes@127.0.0.1:1/notes_db",
    }
    with subprocess.Popen(
        [sys.executable, "manage.py", "consume_user_events"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        try:
            assert any("database_unavailable" in line for line in worker.stdout)
        finally:
            worker.terminate()
        worker.communicate()
    assert worker.returncode == 0


def test_two_workers_share_the_partitions(configured, created_topic, send):
    users = [uuid.uuid4() for _ in range(200)]
    first, second = (Subscription(configured, created_topic) for _ in range(2))
    workers = [EventConsumer(one, created_topic) for one in (first, second)]
    try:
        while not (first.reading and second.reading):
            for worker in workers:
                worker.step()
        send(*(created(user) for user in users))
        while User.objects.count() < len(users):
            for worker in workers:
                worker.step()
        assert first.reading | second.reading == set(range(PARTITIONS))
        assert not first.reading & second.reading
        assert EventLog.objects.count() == len(users)
    finally:
        first.close()
        second.close()


def test_a_worker_without_partitions_is_caught_up_once_the_others_are(
    configured, created_topic, send, monkeypatch
):
    monkeypatch.setattr("inbox.consumer.POLL_TIMEOUT", 0.05)
    workers = [
        EventConsumer(Subscription(configured, created_topic), created_topic)
        for _ in range(PARTITIONS + 1)
    ]
    try:
        while sorted(len(worker.subscription.reading) for worker in workers) != [0, 1, 1, 1]:
            for worker in workers:
                worker.step()
        (idle,) = (worker for worker in workers if not worker.subscription.reading)
        assert idle.caught_up()
        send(*(created(uuid.uuid4()) for _ in range(100)))
        while User.objects.count() < 100:
            assert not idle.caught_up()
            for worker in workers:
                worker.step()
        idle.run(idle.caught_up)
    finally:
        for worker in workers:
            worker.subscription.close()


def test_the_status_shows_lag_outcomes_and_dead_letters(configured, send):
    def status(*arguments):
        out = StringIO()
        call_command("pipeline_status", "--json", *arguments, stdout=out)
        return json.loads(out.getvalue())

    assert status("--max-lag", "0") == {
        "lag": {"0": 0, "1": 0, "2": 0},
        "total_lag": 0,
        "per_minute": {},
        "dead_letters": 0,
        "last_recorded_at": None,
    }
    send(created(uuid.uuid4()), created(uuid.uuid4()), raw(b"{"))
    assert status()["total_lag"] == 3
    with pytest.raises(CommandError, match="lag: 3 are more than 2"):
        status("--max-lag", "2")
    call_command("consume_user_events", "--until-caught-up")
    after = status()
    assert after["total_lag"] == 0
    assert after["per_minute"] == {"applied": 0.4, "dead": 0.2}
    assert after["last_recorded_at"]
    with pytest.raises(CommandError, match="dead letters: 1 are more than 0"):
        status("--max-dead-letters", "0")
    out = StringIO()
    call_command("pipeline_status", stdout=out)
    assert out.getvalue().startswith("lag           0 messages\n")


def test_an_unknown_lag_is_an_error(configured, settings):
    settings.KAFKA_TOPIC = "no-such-topic"
    with pytest.raises(CommandError, match=r"The lag is not known: .*create_topics"):
        call_command("pipeline_status")


def test_the_shadow_users_are_rebuilt_from_the_topic(configured, send):
    users = [uuid.uuid4() for _ in range(20)]
    send(*(created(user) for user in users), raw(b"{"))
    with pytest.raises(CommandError, match="20 users differ"):
        call_command("rebuild_users", "--dry-run")
    assert not User.objects.exists()
    out = StringIO()
    call_command("rebuild_users", stdout=out)
    assert "missing    20" in out.getvalue()
    assert "unreadable 1 messages" in out.getvalue()
    assert "repaired   20" in out.getvalue()
    assert User.objects.count() == 20
    call_command("rebuild_users", "--dry-run")
