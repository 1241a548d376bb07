"""The topic and the publisher, against a real broker."""

import json
import uuid
from io import StringIO

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from outbox.kafka import OutgoingMessage, Publisher, producer_config
from outbox.models import OutboxEvent
from outbox.relay import Relay
from outbox.topic import TopicDiffers, TopicImpossible, create_topic

AS_ASKED = {"partitions": 3, "replication_factor": 1, "min_insync_replicas": 1}


@pytest.fixture
def created_topic(kafka, topic):
    assert create_topic(kafka.bootstrap_servers, topic, **AS_ASKED)
    return topic


@pytest.fixture
def publisher(kafka, created_topic):
    publisher = Publisher(producer_config(kafka.bootstrap_servers), created_topic)
    yield publisher
    publisher.close()


def message(key, value):
    return OutgoingMessage(key.encode(), value.encode(), (("content-type", b"test"),))


def read(kafka, topic):
    """All messages of the topic, by key, in the order of their partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "test",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(3)])
    ended, values = 0, {}
    while ended < 3:
        for found in consumer.consume(100, 1):
            if found.error():
                ended += 1
            else:
                values.setdefault(found.key().decode(), []).append(found.value().decode())
    consumer.close()
    return values


def never():
    return False


def test_the_topic_is_compacted_and_safe_to_ask_for_again(kafka, created_topic):
    assert not create_topic(kafka.bootstrap_servers, created_topic, **AS_ASKED)


def test_a_topic_that_differs_is_named_with_its_difference(kafka, created_topic):
    with pytest.raises(TopicDiffers, match=r"^partitions is 3, not 4$"):
        create_topic(kafka.bootstrap_servers, created_topic, **AS_ASKED | {"partitions": 4})


def test_the_command_says_what_differs(kafka, created_topic, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = created_topic
    with pytest.raises(CommandError, match=r"exists and differs: partitions is 3, not 12\."):
        call_command("create_topics")


def test_more_copies_than_brokers_cannot_be_had(kafka, topic):
    with pytest.raises(TopicImpossible, match="replication"):
        create_topic(kafka.bootstrap_servers, topic, **AS_ASKED | {"replication_factor": 3})


def test_a_name_that_no_topic_can_have(kafka, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = "bad topic!"
    with pytest.raises(CommandError, match=r"no topic bad topic! as .*Correct the KAFKA_TOPIC"):
        call_command("create_topics")


def test_messages_of_a_key_keep_their_order(kafka, created_topic, publisher):
    batch = [message(f"key {n % 7}", str(n)) for n in range(700)]
    assert publisher.publish(batch, never) == [None] * 700
    found = read(kafka, created_topic)
    assert found == {f"key {k}": [str(n) for n in range(k, 700, 7)] for k in range(7)}


def test_a_message_that_is_too_large_fails_alone(kafka, created_topic, publisher):
    batch = [message("a", "1"), message("b", "x" * 2_000_000), message("c", "3")]
    first, second, third = publisher.publish(batch, never)
    assert first is third is None
    assert "too large" in second.text
    assert second.of_message
    assert set(read(kafka, created_topic)) == {"a", "c"}


def test_a_missing_topic_is_a_failure_of_every_message(kafka, topic):
    config = producer_config(kafka.bootstrap_servers) | {"delivery.timeout.ms": 1000}
    publisher = Publisher(config, topic)
    assert None not in publisher.publish([message("a", "1")], never)
    publisher.close()


@pytest.mark.django_db(transaction=True)
def test_the_outbox_waits_for_the_broker(kafka, created_topic):
    config = producer_config(kafka.bootstrap_servers) | {"delivery.timeout.ms": 1000}
    relay = Relay(lambda: Publisher(config, created_topic), stop=never)
    user = User.objects.create(username="ada", email="ada@example.com", password="!")
    kafka.stop()
    try:
        assert relay.step() == 0
        User.objects.update(username="lovelace")
        assert OutboxEvent.objects.count() == 2
    finally:
        kafka.start()
        kafka.wait_ready()
    while OutboxEvent.objects.exists():
        relay.step()
    assert len(read(kafka, created_topic)[str(user.id)]) >= 2
    assert '"lovelace"' in read(kafka, created_topic)[str(user.id)][-1]
    connection.close()


def test_a_relay_that_was_stopped_before_it_sends_looks_first(kafka, created_topic, publisher):
    """Another relay may be active by now; what was read is not sent."""
    assert None not in publisher.publish([message("a", "1")], give_up=lambda: True)
    assert publisher.publish([message("a", "2")], never) == [None]
    assert read(kafka, created_topic) == {"a": ["2"]}


@pytest.fixture
def pipeline(kafka, created_topic, settings):
    """Sends all that the outbox has to the topic that the settings name."""
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka.bootstrap_servers
    settings.KAFKA_TOPIC = created_topic
    config = producer_config(kafka.bootstrap_servers)
    relay = Relay(lambda: Publisher(config, created_topic), stop=never)

    def drain():
        while OutboxEvent.objects.exists():
            relay.step()

    yield drain
    connection.close()


def republish(*arguments):
    out = StringIO()
    call_command("republish_users", *arguments, stdout=out)
    return out.getvalue()


def users(*names):
    return User.objects.bulk_create(
        [User(username=name, email=f"{name}@example.com", password="!") for name in names]
    )


@pytest.mark.django_db(transaction=True)
def test_all_or_some_users_are_sent_again(pipeline, monkeypatch):
    monkeypatch.setattr("outbox.republish.BATCH", 2)
    people = users("ada", "bob", "cyd", "dan", "eve")
    pipeline()
    assert republish("--dry-run") == "5 users would be sent\n"
    assert republish() == "5 users put into the outbox\n"
    assert set(OutboxEvent.objects.values_list("type", flat=True)) == {"user.snapshot.v1"}
    pipeline()
    in_order = sorted(str(person.id) for person in people)
    assert republish("--after", in_order[2]) == "2 users put into the outbox\n"
    pipeline()
    assert republish(in_order[0]) == "1 users put into the outbox\n"
    stranger = str(uuid.uuid4())
    with pytest.raises(CommandError, match="1 of the ids are no user's"):
        republish(stranger)


@pytest.mark.django_db(transaction=True)
def test_a_restored_database_is_found_out_and_repaired(pipeline, kafka, created_topic):
    """As after a restore: what changed since the backup is in the topic and not in users_db."""
    ada, bob, cyd, _ = users("ada", "bob", "cyd", "dan")
    pipeline()
    assert "unsent   0" in republish("--against-topic", "--dry-run")
    User.objects.filter(pk=ada.pk).update(username="lovelace")
    (eve,) = users("eve")
    User.objects.filter(pk=bob.pk).delete()
    pipeline()
    with connection.cursor() as cursor:  # The backup comes back, without triggers.
        cursor.execute("ALTER TABLE users DISABLE TRIGGER USER")
        cursor.execute("UPDATE users SET username = 'ada', version = 1 WHERE id = %s", [ada.pk])
        cursor.execute("UPDATE users SET username = 'cydney' WHERE id = %s", [cyd.pk])
        cursor.execute("DELETE FROM users WHERE id = %s", [eve.pk])
        cursor.execute(
            "INSERT INTO users (id, email, username, password) VALUES (%s, 'b@b.b', 'bob', '!')",
            [bob.pk],
        )
        cursor.execute("ALTER TABLE users ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="4 users differ"):
        republish("--against-topic", "--dry-run")
    with pytest.raises(CommandError, match="2 users are left; --delete deletes them"):
        republish("--against-topic")
    assert User.objects.filter(pk=bob.pk).exists()
    pipeline()
    report = republish("--against-topic", "--delete")
    assert "behind   0" in report
    assert f"deleted  1 ({bob.pk}" in report
    assert f"unknown  1 ({eve.pk}" in report
    assert "repaired 2" in report
    pipeline()
    assert "behind   0" in republish("--against-topic", "--dry-run")
    last = {key: json.loads(values[-1]) for key, values in read(kafka, created_topic).items()}
    assert last[str(ada.pk)]["data"]["username"] == "ada"
    assert last[str(ada.pk)]["data"]["version"] == 3
    assert last[str(cyd.pk)]["data"]["username"] == "cydney"
    assert last[str(eve.pk)]["type"] == last[str(bob.pk)]["type"] == "user.deleted.v1"
    assert not User.objects.filter(pk=bob.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_no_event_says_nothing_of_any_user(pipeline, publisher):
    (ada,) = users("ada")
    pipeline()
    poison = [
        b"{",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        event(5, 1),
        event(None, 1),
        event(ada.pk, "2"),
        event(ada.pk, 10**20),
        event(ada.pk, 2, username="a\0b"),
        event(ada.pk, 2, username="\ud800"),
        event(ada.pk, 2, created_at=float("inf")),
        event(ada.pk, 1).replace(b": 1", b": 1e400"),
        event(ada.pk, 7).replace(b"updated.v1", b"updated.v2"),
    ]
    again = event(str(ada.pk).upper(), 1)  # The same user, spelt otherwise.
    key = str(ada.pk).encode()  # Behind the user's own event.
    sent = [OutgoingMessage(key, value, ()) for value in [*poison, again, again]]
    assert publisher.publish(sent, never) == [None] * len(sent)
    with pytest.raises(CommandError, match="1 users differ"):
        republish("--against-topic", "--dry-run")
    assert "repaired 1" in republish("--against-topic")
    pipeline()
    assert "behind   0" in republish("--against-topic", "--dry-run")


def event(user_id, version, **data):
    data = {"id": user_id if isinstance(user_id, int | None) else str(user_id), **data}
    return json.dumps({"type": "user.updated.v1", "data": {**data, "version": version}}).encode()
