"""The front page, as users_project makes it: what it says, and of whom."""

import pytest
from django.db import connection

from accounts.models import Session, User
from config import health
from outbox import models
from outbox.models import OutboxEvent
from tests.users.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def step(page, name):
    """What the page says of a step, the gateway having had no answer from notes_project."""
    (text,) = [part for part in page.split("<li>") if part.startswith(f"<b>{name}</b>")]
    return text.partition("<!--# else -->")[2].partition("<!--")[0] or text


def test_a_stranger_is_told_of_nobody(browser, new_user, django_assert_num_queries):
    new_user("ada")
    with django_assert_num_queries(1):  # of readiness: which migrations are applied
        page = browser.get("/")
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert "no-store" in page["Cache-Control"]
    assert "Accept" in page["Vary"]
    for link in ("/login/?next=/", "/register/", "/notes/", "/api/v1/users/", "/api/v1/notes/"):
        assert f'href="{link}"' in page.text
    for word in ("ada", "/admin/", "change-title", "applied"):
        assert word not in page.text
    assert not page.cookies


def test_the_way_of_the_last_change(browser, at_home, ada, new_user):
    page = browser.get("/").text
    assert '"/front/notes/applied/?version=1" set="applied"' in page
    assert f"{ada.updated_at:%Y-%m-%d %H:%M:%S} UTC" in step(page, "Committed")
    assert step(page, "Sent") == "not yet, it waits in the outbox"
    OutboxEvent.objects.all().delete()
    new_user("bob")
    assert step(browser.get("/").text, "Sent") == "yes"
    User.objects.filter(pk=ada.pk).update(username="countess")
    page = browser.get("/").text
    assert "?version=2" in page
    assert "countess" in page
    assert "bob" not in page
    assert step(page, "Sent") == "not yet, it waits in the outbox"


def test_a_long_outbox_is_not_searched(browser, at_home, ada, new_user, monkeypatch):
    monkeypatch.setattr(models, "LOOKED_AT", 3)
    for number in range(2):
        new_user(f"other-{number}")
    # Within the newest three, then behind them.
    assert step(browser.get("/").text, "Sent") == "not yet, it waits in the outbox"
    new_user("bob")
    assert step(browser.get("/").text, "Sent") == "not known, very many wait in the outbox"


@pytest.mark.parametrize("rows", [0, 50])
def test_it_costs_a_fixed_number_of_queries(browser, at_home, rows, django_assert_num_queries):
    User.objects.bulk_create(User(email=f"{n}@example.com", username=f"{n}") for n in range(rows))
    # The browser's session and its user, the session of the sign-in, the outbox, readiness.
    with django_assert_num_queries(5):
        assert browser.get("/").status_code == 200


def test_links_for_staff_are_shown_to_staff(browser, post, staff):
    post("/login/", {"username": "grace", "password": PASSWORD})
    page = browser.get("/").text
    for link in ("/admin/users/", "/admin/notes/", "/admin/notes/inbox/eventlog/live/"):
        assert f'href="{link}"' in page


def test_nothing_for_staff_is_shown_to_others(browser, at_home):
    assert "/admin/" not in browser.get("/").text


def test_an_expired_token_is_renewed_on_the_way(browser, at_home):
    del browser.cookies["access_token"]
    page = browser.get("/", follow=True)
    assert page.redirect_chain == [("/login/?next=/", 302), ("/", 302)]
    assert "Your last change" in page.text


def test_who_was_signed_out_is_a_stranger(browser, at_home):
    Session.objects.all().end()
    page = browser.get("/")
    assert page.status_code == 200
    assert "Your last change" not in page.text


@pytest.mark.parametrize(("state", "shown"), [("ok", "ready"), ("missing", "not ready")])
def test_the_own_state_is_in_the_page(browser, monkeypatch, state, shown):
    monkeypatch.setattr(health, "_database", lambda _: ("ok", state))
    assert f'data-readiness="/readyz/users">{shown}<' in browser.get("/").text


@pytest.mark.parametrize(("method", "status"), [("post", 405), ("head", 200), ("put", 405)])
def test_only_reading(browser, method, status):
    assert getattr(browser, method)("/").status_code == status


def test_what_the_gateway_reads_cannot_be_written_by_a_user(browser, at_home, ada):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET username = %s", ['<!--# include virtual="/x" -->'])
    page = browser.get("/").text
    assert '<!--# include virtual="/x"' not in page
    assert "&lt;!--# include" in page
