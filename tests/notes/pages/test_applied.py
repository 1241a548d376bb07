"""What notes_project says of how far somebody's last change has come."""

import pytest

from inbox.models import EventLog
from tests.notes.inbox.events import apply_batch, created, deleted, snapshot, updated

pytestmark = pytest.mark.django_db

PIECE = "/notes/applied/"


def said(browser, version):
    response = browser.get(PIECE, {"version": version})
    assert response.status_code == 200
    return response.content.decode().split(">")[0].removeprefix("<span data-")


def test_an_event_and_not_the_token_is_what_applies(browser, ada):
    # The token has told of version 1 already.
    assert said(browser, 1) == "known"
    assert said(browser, 2) == "waiting"
    apply_batch([created(ada.id)])
    assert [said(browser, version) for version in (1, 2)] == ["applied", "waiting"]
    apply_batch([updated(ada.id, 3)])
    assert [said(browser, version) for version in (1, 2, 3)] == ["applied"] * 3
    EventLog.objects.all().delete()
    assert [said(browser, version) for version in (3, 4)] == ["known", "waiting"]


def test_any_event_with_the_state_will_do(browser, ada):
    apply_batch([snapshot(ada.id, 4), updated(ada.id, 3)])
    assert [said(browser, version) for version in (3, 4)] == ["applied"] * 2


def test_what_is_of_others_or_of_no_state_does_not_count(browser, ada, bob):
    apply_batch([created(bob.id, 5), deleted(bob.id, 6)])
    EventLog.objects.filter(version=5).update(user_id=ada.id, outcome="ignored")
    assert said(browser, 5) == "waiting"


def test_it_costs_a_fixed_number_of_queries(browser, ada, django_assert_num_queries):
    said(browser, 1)  # which stores the user
    for last in (1, 30):
        apply_batch([updated(ada.id, version) for version in range(last, 2 * last + 1)])
        with django_assert_num_queries(2):
            assert said(browser, last) == "applied"


@pytest.mark.parametrize("version", ["", "x", "-1", "1" * 19, "٣"])
def test_a_version_is_a_number(browser, version):
    assert browser.get(PIECE, {"version": version}).status_code == 400


def test_nobody_is_told_nothing(client):
    response = client.get(PIECE, {"version": 1}, headers={"accept": "text/html"})
    assert response.status_code == 302
    assert response["Location"].startswith("/login/")
