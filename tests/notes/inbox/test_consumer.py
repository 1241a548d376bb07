"""The consumer's steps, against a real broker."""

import json
import re
import uuid
from io import StringIO

import pytest
from confluent_kafka import KafkaError
from django.core.management import CommandError, call_command

from devstack.processes import wait_until
from inbox.consumer import EventConsumer, TooManyDeadLetters
from inbox.kafka import Subscription
from inbox.models import DeadLetter, EventLog, Position, Topic
from inbox.positions import CannotRead
from inbox.topic import group_size
from tests import raw_headers
from tests.notes.inbox.consuming import PARTITIONS, catch_up, committed
from tests.notes.inbox.events import created, raw, updated
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
UUID = "[0-9a-f-]{36}"


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


def test_many_bad_messages_in_a_row_stop_the_worker(consumer, subscription, send, log):
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
    assert sum(json.loads(line).get("dead", 0) for line in log.getvalue().splitlines()) == 9

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
    consumer.run(consumer.caught_up, lambda applied: seen.append((applied, consumer.lag())))
    assert seen[-1] == (30, 0)
    assert {applied + lag for applied, lag in seen if applied} == {30}
    assert len({lag for _, lag in seen}) > 2


def test_what_kafka_says_is_in_the_log(subscription, log):
    subscription._handle(KafkaError(KafkaError.REQUEST_TIMED_OUT))
    assert "Request timed out" in json.loads(log.getvalue().splitlines()[-1])["error"]


@pytest.mark.parametrize("size", ["0", "-1", "2001", "x"])
def test_a_batch_has_a_limit(size):
    with pytest.raises(CommandError, match=f"--batch-size: {size} is no whole number from 1 to"):
        call_command("consume_user_events", f"--batch-size={size}")


def test_nothing_is_forgotten_under_a_running_consumer(consumer, send, monkeypatch):
    monkeypatch.setattr("inbox.management.commands.consume_user_events.LEAVING", 0.0)
    send(created(uuid.uuid4()))
    catch_up(consumer)
    with pytest.raises(CommandError, match=r"Consumers in the group \S+: 1. Stop them first"):
        call_command("consume_user_events", "--from-beginning")
    assert Position.objects.exists()


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
    send(created(uuid.uuid4()))
    with pytest.raises(CommandError, match=r"lag: 1 are more than 0\. dead letters: 1 are"):
        status("--max-lag", "0", "--max-dead-letters", "0")
    out = StringIO()
    call_command("pipeline_status", stdout=out)
    assert out.getvalue().startswith("lag           1 message: [")
    assert out.getvalue().endswith(f"last message  {after['last_recorded_at']}\n")
    assert after["last_recorded_at"].endswith("Z")


def test_an_unknown_lag_is_an_error(configured, settings):
    settings.KAFKA_TOPIC = "no-such-topic"
    with pytest.raises(CommandError, match=r"The lag is not known: .*create_topics"):
        call_command("pipeline_status")


@pytest.mark.parametrize("command", ["pipeline_status", "rebuild_users"])
def test_a_broker_that_is_away_is_said_in_words(command, settings, monkeypatch):
    monkeypatch.setattr("inbox.topic.BROKER_TIMEOUT", 0.1)
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(CommandError, match=r": Kafka does not answer: [^{}]+$"):
        call_command(command)


def test_the_shadow_users_are_rebuilt_from_the_topic(configured, send):
    users = [uuid.uuid4() for _ in range(20)]
    send(*(created(user) for user in users), raw(b"{"))
    with pytest.raises(CommandError, match="Users differ: 20"):
        call_command("rebuild_users", "--dry-run")
    assert not User.objects.exists()
    out = StringIO()
    call_command("rebuild_users", stdout=out)
    assert re.search(rf"missing    20 \(({UUID}, ){{5}}…\)\n", out.getvalue())
    assert "unreadable 1 message\n" in out.getvalue()
    assert "repaired   20" in out.getvalue()
    assert User.objects.count() == 20
    call_command("rebuild_users", "--dry-run")
    User.objects.filter(id=users[0]).delete()
    out = StringIO()
    with pytest.raises(CommandError, match="Users differ: 1"):
        call_command("rebuild_users", "--dry-run", stdout=out)
    assert f"missing    1 ({users[0]})\n" in out.getvalue()
