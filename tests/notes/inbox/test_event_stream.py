"""The newest events as they come, in the admin."""

import re
import uuid

import pytest

from inbox import event_stream
from inbox.models import EventLog
from tests.notes.inbox.events import apply_batch, created, raw, updated

PAGE = "/admin/notes/inbox/eventlog/live/"
pytestmark = pytest.mark.django_db


def what_is_shown(page):
    return re.search(r'hx-get="\?shown=(\d+)"', page)[1]


def test_it_is_sent_where_something_is_new(staff):
    user = uuid.uuid4()
    page = staff.get(PAGE).text
    assert "No event is in the log." in page
    shown = what_is_shown(page)
    assert staff.get(PAGE, {"shown": shown}).status_code == 204
    apply_batch([created(user), raw(b"{<script>alert(1)</script>")])
    page = staff.get(PAGE, {"shown": shown}).text
    assert "user.created.v1" in page
    assert f"?q={user}" in page
    assert "<td>dead</td>" in page
    assert "<script>alert" not in page
    newest = what_is_shown(page)
    assert newest != shown
    # One that was written at the same time, and is seen later, below the newest.
    EventLog.objects.filter(version=1).update(id=0)
    assert staff.get(PAGE, {"shown": newest}).status_code == 200


def test_text_of_an_event_is_inert(staff):
    apply_batch([updated(uuid.uuid4(), 2)])
    EventLog.objects.update(type="<script>alert(1)</script>", topic="<img src=x>")
    page = staff.get(PAGE).text
    assert "<script>alert" not in page
    assert "<img" not in page


def test_it_can_be_paused(staff):
    assert "hx-get" not in staff.get(PAGE, {"paused": ""}).text


def test_it_is_the_newest_alone_at_a_fixed_cost(staff, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(event_stream, "_SHOWN", 3)
    staff.get(PAGE)  # which stores the user of the token
    for count in (1, 20):
        apply_batch([created(uuid.uuid4()) for _ in range(count)])
        # Who asks, and the events.
        with django_assert_num_queries(2):
            page = staff.get(PAGE).text
        assert page.count("user.created.v1") == min(count, 3)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_it_is_for_staff_alone(browser, client, accept):
    assert client.get(PAGE, headers={"accept": accept}).status_code in (302, 401)
    refused = browser.get(PAGE, headers={"accept": accept}, follow=True)
    assert refused.status_code == 403


def test_the_list_leads_there(staff):
    assert f'href="{PAGE}"' in staff.get("/admin/notes/inbox/eventlog/").text
