"""Where somebody is signed in; signing out there, and everywhere."""

import re
import uuid

import pytest

from accounts.models import Session, User
from accounts.tokens import read_access_token
from outbox.models import OutboxEvent
from tests.users.conftest import json_client

SESSIONS, ALL, ME = "/api/v1/auth/sessions/", "/api/v1/auth/logout-all/", "/api/v1/users/me/"


def sid_of(tokens):
    return read_access_token(tokens["access"])["sid"]


def test_ones_own_that_live(api, ada, tokens, new_user, django_assert_num_queries):
    tokens(new_user("bob"))
    Session.objects.filter(pk=sid_of(tokens(ada))).end()
    other = sid_of(tokens(ada))
    # A transaction has one time: in the order in which they come.
    Session.objects.filter(pk=other).update(created_at="2100-01-01T00:00:00Z")
    with django_assert_num_queries(2):
        response = api.get(SESSIONS)
    newest, asking = response.json()["results"]
    assert newest["id"] == other
    names = ["id", "created_at", "last_used_at", "expires_at", "user_agent", "current"]
    assert list(newest) == names
    assert (newest["current"], asking["current"]) == (False, True)
    one = api.get(f"{SESSIONS}{newest['id']}/")
    assert (one.status_code, one.json()) == (200, newest)


def test_pages(api, ada, tokens):
    for _ in range(3):
        tokens(ada)
    first = api.get(f"{SESSIONS}?limit=3").json()
    second = api.get(first["next"]).json()
    found = {session["id"] for session in first["results"] + second["results"]}
    assert found == {str(key) for key in Session.objects.values_list("pk", flat=True)}


def test_ending_one(api, anonymous, ada, tokens):
    other = tokens(ada)
    there = sid_of(other)
    here = str(Session.objects.exclude(pk=there).get().pk)
    response = api.delete(f"{SESSIONS}{there}/")
    assert (response.status_code, response.content) == (204, b"")
    assert json_client(other["access"]).get(ME).status_code == 401
    refresh = anonymous.post("/api/v1/auth/token/refresh/", {"refresh": other["refresh"]})
    assert refresh.status_code == 401
    assert [session["id"] for session in api.get(SESSIONS).json()["results"]] == [here]
    # One's own too.
    assert api.delete(f"{SESSIONS}{here}/").status_code == 204
    assert api.get(ME).status_code == 401


@pytest.mark.parametrize("method", ["get", "delete"])
def test_what_is_not_ones_own_looks_like_what_never_was(api, ada, new_user, tokens, method):
    theirs, ended = sid_of(tokens(new_user("bob"))), sid_of(tokens(ada))
    Session.objects.filter(pk=ended).end()
    answers = []
    for key in (theirs, ended, uuid.uuid4()):
        response = getattr(api, method)(f"{SESSIONS}{key}/")
        body = response.json()
        del body["request_id"], body["instance"]
        answers.append((response.status_code, body))
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]
    assert Session.objects.live().filter(pk=theirs).exists()


def test_signing_out_everywhere_can_be_repeated(api, ada, tokens, new_user):
    bob = json_client(tokens(new_user("bob"))["access"])
    other = json_client(tokens(ada)["access"])
    OutboxEvent.objects.all().delete()
    for client in (api, api, other):
        response = client.post(ALL)
        assert (response.status_code, response.content) == (204, b"")
    # One event, which the notes service refuses tokens by.
    event = OutboxEvent.objects.get()
    ada.refresh_from_db()
    assert event.payload["data"]["id"] == str(ada.pk)
    assert event.payload["data"]["version"] == ada.version == 2
    assert api.get(ME).status_code == other.get(ME).status_code == 401
    assert Session.objects.live().get().user.username == "bob"
    assert bob.get(ME).status_code == 200


@pytest.mark.parametrize(
    "end",
    [
        lambda: User.objects.update(is_active=False),
        lambda: User.objects.all().delete(),
        lambda: Session.objects.all().end(),
    ],
    ids=["deactivated", "deleted", "session ended"],
)
def test_who_is_out_already_changes_nothing(api, ada, end):
    end()
    before = User.objects.values_list("version", "tokens_valid_after").first()
    assert api.post(ALL).status_code == 204
    assert User.objects.values_list("version", "tokens_valid_after").first() == before


@pytest.mark.django_db
@pytest.mark.parametrize("token", [None, "x", "a.b.c"])
def test_signing_out_everywhere_takes_a_token(token):
    assert json_client(token).post(ALL).status_code == 401


def test_a_browser_signs_out_there_and_everywhere(browser, ada, tokens):
    other = sid_of(tokens(ada))
    page = browser.get("/login/").text
    form = {"username": "ada", "password": "correct horse 9"}
    form["csrfmiddlewaretoken"] = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    browser.post("/login/", form)
    listed = browser.get(SESSIONS)
    assert "Sign out everywhere" in listed.text
    shown = browser.get(f"{SESSIONS}{other}/").text
    assert 'data-method="DELETE"' in shown
    assert 'name="password"' not in shown
    token = re.search(r'"csrfToken": "(\w+)"', shown)[1]
    assert browser.delete(f"{SESSIONS}{other}/").status_code == 403
    headers = {"x-csrftoken": token}
    assert browser.delete(f"{SESSIONS}{other}/", headers=headers).status_code == 200
    assert Session.objects.live().count() == 1
    assert browser.post("/logout/everywhere/").status_code == 403
    response = browser.post("/logout/everywhere/", {"csrfmiddlewaretoken": token})
    assert (response.status_code, response["Location"]) == (302, "/login/")
    assert response.cookies["access_token"].value == ""
    assert not Session.objects.live().exists()
    assert User.objects.get().version == 2
