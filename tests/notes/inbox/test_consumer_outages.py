"""The consumer while its database or a broker is away."""

import os
import subprocess
import sys
import uuid
from concurrent.futures import Future

import pytest
from confluent_kafka import OFFSET_INVALID
from confluent_kafka.admin import ListOffsetsResultInfo
from django.db import OperationalError

from inbox import topic as inbox_topic
from inbox.topic import BrokerUnavailable
from tests.notes.inbox.consuming import catch_up
from tests.notes.inbox.events import created
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


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
    def away(*_):
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
