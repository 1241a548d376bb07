"""The page of the pipeline in the admin of users_project."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.utils import timezone

from accounts.models import User
from outbox import pipeline
from outbox.models import OutboxEvent
from outbox.relay import ADVISORY_LOCK
from tests.plans import explained, rows_read

PAGE = "/admin/users/pipeline/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(new_user, browser_of):
    """Opens the page for a member of staff with the right to see the outbox; or without."""

    def opened(*, rights=("view_outboxevent",), status=200):
        clerk = User.objects.filter(username="clerk").first() or new_user("clerk", is_staff=True)
        clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
        OutboxEvent.objects.filter(aggregateid=str(clerk.pk)).delete()
        response = browser_of(clerk).get(PAGE)
        assert response.status_code == status
        return response.text

    return opened


def wait(*seconds):
    """Rows that have waited for so long."""
    moments = [timezone.now() - timedelta(seconds=each) for each in seconds]
    OutboxEvent.objects.bulk_create(
        OutboxEvent(aggregatetype="x", aggregateid="a", type="t", payload={}, created_at=moment)
        for moment in moments
    )


def test_it_shows_how_many_rows_have_waited_how_long(opened):
    wait(7200, 1200, 1300, 120, -60)
    page = opened()
    assert "Rows that wait: 5</a>." in page
    assert re.search(r"The oldest has waited 72\d\d\.\d s\.", page)
    rows = dict(re.findall(r'<tr><th scope="row">([^<]*)</th><td>(\d+)', page))
    assert rows == {
        "under 1 s": "1",
        "to 10 s": "0",
        "to 1 min": "0",
        "to 10 min": "1",
        "to 1 h": "2",
        "longer": "1",
    }
    assert page.count("<rect") == 4


def test_an_empty_outbox_has_no_plot(opened):
    page = opened()
    assert "Nothing waits in the outbox." in page
    assert "<figure" not in page


def test_it_says_whether_a_relay_is_at_work(opened):
    assert "No relay of this project is at work." in opened()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
    assert "A relay is at work." in opened()


def test_who_may_not_see_the_outbox_is_told_so(opened):
    assert "This is not allowed." in opened(rights=["view_user"], status=403)


def test_it_reads_no_more_rows_than_it_counts(opened, monkeypatch):
    monkeypatch.setattr(pipeline, "MOST_COUNTED", 100)
    wait(*range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE outbox")
    with explained() as plans:
        page = opened()
    assert "Rows that wait: 100 or more</a>." in page
    # The plot, the count, and the oldest.
    assert sum(rows_read(plans, "outbox")) <= 100 + 100 + 1
