"""The page of the pipeline in the admin of notes_project."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from inbox import pipeline
from inbox.models import DeadLetter, EventLog
from tests.notes.inbox.consuming import PARTITIONS, catch_up
from tests.notes.inbox.events import apply_batch, created, raw
from tests.plans import explained, rows_read

PAGE = "/admin/notes/pipeline/"
IDLE = "Nothing waits in Kafka: all that was sent is applied."
NOW = datetime(2026, 5, 4, 12, 30, 20, tzinfo=UTC)


@pytest.fixture
def opened(staff):
    def opened():
        response = staff.get(PAGE)
        assert response.status_code == 200
        return response.content.decode()

    return opened


@pytest.fixture
def at_noon(monkeypatch):
    """It is twelve thirty, and some seconds."""
    monkeypatch.setattr(pipeline.timezone, "now", lambda: NOW)


@pytest.fixture
def kafka_is_away(monkeypatch):
    monkeypatch.setattr(pipeline, "PATIENCE", 0.1)


def plot_of(page, title):
    """The SVG and the rows of the table of the plot with this title."""
    (figure,) = [each for each in page.split("<figure")[1:] if f">{title}<" in each]
    rows = re.findall(r"<tr><th scope=\"row\">([^<]*)</th>(.*?)</tr>", figure)
    return figure, {label: re.findall(r"<td>([^<]*)", cells) for label, cells in rows}


def record(*moments, outcome="applied"):
    EventLog.objects.bulk_create(
        EventLog(topic="t", partition=0, offset=0, outcome=outcome, recorded_at=moment)
        for moment in moments
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("protocol", ["classic"], indirect=True)
def test_it_shows_the_lag_of_each_partition_and_none_when_all_is_applied(opened, send, consumer):
    messages = [created(uuid.uuid4()) for _ in range(20)]
    send(*messages)
    page = opened()
    assert "Messages that wait in Kafka: 20." in page
    svg, rows = plot_of(page, "Messages that wait, by partition")
    waiting = {label: int(values[0]) for label, values in rows.items()}
    assert waiting.keys() == {str(number) for number in range(PARTITIONS)}
    assert sum(waiting.values()) == 20
    for number, count in waiting.items():
        assert (f"<title>{number}, waiting: {count}</title>" in svg) == (count > 0)
    catch_up(consumer)
    page = opened()
    assert IDLE in page
    svg, rows = plot_of(page, "Messages that wait, by partition")
    assert {values[0] for values in rows.values()} == {"0"}
    assert "<rect" not in svg


@pytest.mark.django_db
def test_it_opens_when_kafka_is_away_and_says_so(opened, kafka_is_away):
    apply_batch([created(uuid.uuid4()), raw(b"{<script>")])
    page = opened()
    assert "How much waits is not known: " in page
    assert IDLE not in page
    assert "Messages that wait, by partition" not in page
    assert "Open dead letters: 1" in page
    _, rows = plot_of(page, "Events per minute, by outcome")
    assert sum(int(values[0]) for values in rows.values()) == 1
    assert sum(int(values[-1]) for values in rows.values()) == 1


@pytest.mark.django_db
def test_events_are_counted_by_minute_and_the_age_grows_without_any(opened, kafka_is_away, at_noon):
    minute = timedelta(minutes=1)
    record(NOW - 45 * minute, NOW - 5 * minute, NOW - 5 * minute)
    record(NOW - 5 * minute, outcome="stale")
    page = opened()
    _, rows = plot_of(page, "Events per minute, by outcome")
    assert list(rows) == [f"12:{number:02}" for number in range(1, 31)]
    assert rows["12:25"][:2] == ["2", "1"]
    assert rows["12:24"] == ["0"] * 6
    _, ages = plot_of(page, "Age of the newest event at the end of each minute, in minutes")
    # What was recorded at 11:45:20 and at 12:25:20.
    shown = [ages[f"12:{number:02}"][0] for number in (1, 24, 25, 26, 30)]
    assert shown == ["16.7", "39.7", "0.7", "1.7", "5.0"]
    assert "The newest event came 0:05:00 ago." in page


@pytest.mark.django_db
def test_before_any_event(opened, kafka_is_away):
    page = opened()
    assert "No event has come yet." in page
    assert "Open dead letters: 0" in page
    assert "<rect" not in plot_of(page, "Events per minute, by outcome")[0].partition("</svg>")[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("minutes_ago", "most", "first"),
    [([0, 10, 10, 20], 3, "12:21"), ([0, 10, 10, 20], 5, "12:01"), ([0, 0, 0, 0], 3, "12:30")],
)
def test_a_minute_that_is_not_counted_to_its_begin_is_not_shown(
    opened, kafka_is_away, at_noon, monkeypatch, minutes_ago, most, first
):
    monkeypatch.setattr(pipeline, "MOST_COUNTED", most)
    record(*(NOW - timedelta(minutes=ago) for ago in minutes_ago))
    page = opened()
    assert next(iter(plot_of(page, "Events per minute, by outcome")[1])) == first
    assert ("Of the minutes before" in page) == (most == 3)


@pytest.mark.django_db
def test_it_reads_no_more_than_it_counts_and_shows(opened, kafka_is_away, monkeypatch):
    monkeypatch.setattr(pipeline, "MOST_COUNTED", 200)
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO event_log (topic, partition, "offset", outcome, recorded_at)'
            " SELECT 't', 0, n, 'applied', now() - n * '1s'::interval"
            " FROM generate_series(1, 5000) AS n"
        )
        cursor.execute("ANALYZE event_log")
    with explained() as plans:
        opened()
    # And the one before the first minute that is shown.
    assert sum(rows_read(plans, "event_log")) <= 200 + pipeline.NEWEST + 1


@pytest.mark.django_db
def test_the_newest_events_are_listed_with_how_long_they_took(opened, kafka_is_away):
    user = uuid.uuid4()
    apply_batch([created(user, 3), raw(b"{")])
    EventLog.objects.filter(user_id=user).update(
        event_time=timezone.now(), recorded_at=timezone.now() + timedelta(seconds=2)
    )
    page = opened()
    assert f"<td>{user}</td>" in page
    assert re.search(r"<td>2\.0\d s</td>", page)
    assert DeadLetter.objects.count() == 1
    assert page.count('<th scope="row"><a href="/admin/notes/inbox/eventlog/') == 2
