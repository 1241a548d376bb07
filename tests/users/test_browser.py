"""Signing in and out with a browser, and the pages of the browsable API."""

import html
import json
import re
from importlib import import_module
from unittest import mock
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection

from accounts import tokens as access_tokens
from accounts.models import Session, User
from tests.users.conftest import PASSWORD

USERS, ME = "/api/v1/users/", "/api/v1/users/me/"
BODY = {"username": "ada", "password": PASSWORD}


def test_signing_in_sets_the_cookie(post, browser, ada, settings):
    response = post("/login/?next=/api/v1/notes/", {**BODY, "next": "/api/v1/notes/"})
    assert (response.status_code, response["Location"]) == (302, "/api/v1/notes/")
    cookie = response.cookies["access_token"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert (cookie["max-age"], cookie["secure"]) == (300, "")
    claims = access_tokens.read_access_token(cookie.value)
    session = Session.objects.get()
    assert (claims["sid"], session.user) == (str(session.id), ada)
    assert browser.session["sid"] == str(session.id)
    assert response.cookies["users_session"]["httponly"]


def test_the_cookie_is_secure_where_the_gateway_is(post, ada, settings):
    settings.HTTPS = True
    assert post("/login/", BODY).cookies["access_token"]["secure"] is True


@pytest.mark.parametrize("name", ["Ada", "ADA@example.com"])
def test_any_name(post, ada, name):
    assert post("/login/", {**BODY, "username": name})["Location"] == "/"


def test_a_long_address(post, ada):
    name = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example"
    User.objects.update(email=name)
    assert post("/login/", {**BODY, "username": name}).status_code == 302


@pytest.mark.parametrize(
    "body",
    [
        {"password": "wrong"},
        {"username": "nobody"},
        {"username": ""},
        {"password": ""},
        {"username": "a\0"},
        {"password": "x" * 100_000},
    ],
)
def test_a_failure_shows_the_form_again(post, ada, body):
    response = post("/login/", {**BODY, **body})
    assert response.status_code == 200
    assert "<form" in response.text
    assert "access_token" not in response.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize(("length", "hashes"), [(1024, 1), (1025, 0)])
def test_no_hasher_is_given_more_than_it_should_be(post, ada, length, hashes):
    with mock.patch.object(MD5PasswordHasher, "encode", return_value="") as encode:
        assert post("/login/", {**BODY, "password": "x" * length}).status_code == 200
    assert encode.call_count == hashes


def test_inactive(post, new_user):
    new_user("ada", is_active=False)
    assert "The name or the password is wrong." in post("/login/", BODY).text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "https:evil.example",
        "https:///evil.example",
        "http:/evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        " //evil.example",
        "\t//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\x00//evil.example",
        "//testserver@evil.example",
        "//testserver:80@evil.example",
        "http://testserver.evil.example/",
        "http://evil.example#testserver",
        "\uff0f\uff0fevil.example",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "//[::1",
    ],
)
def test_next_stays_on_this_site(post, browser, ada, target):
    """In the form, in the address, and with a session that goes on."""
    at_sign_in = post("/login/", {**BODY, "next": target})
    address = f"/login/?{urlencode({'next': target})}"
    twice = f"/login/?next={quote(quote(target))}"
    out = f"/logout/?{urlencode({'next': target})}"
    answers = [browser.get(address), browser.get(twice), post(out, {"next": target}, page=ME)]
    for answer in (at_sign_in, *answers):
        assert answer.status_code == 302
        # As a browser reads it, which takes a backslash for a slash and drops tabs and line ends.
        read = re.sub(r"[\t\r\n]", "", answer["Location"]).replace("\\", "/").strip()
        assert not read.startswith("//")
        assert not re.match(r"[\w+.-]+:", read)


def test_a_form_without_a_csrf_token(browser, ada):
    assert browser.post("/login/", BODY).status_code == 403


def test_a_signed_in_browser_gets_a_fresh_cookie_at_once(browser, at_home):
    del browser.cookies["access_token"]
    response = browser.get("/login/?next=/api/v1/tags/")
    assert (response.status_code, response["Location"]) == (302, "/api/v1/tags/")
    claims = access_tokens.read_access_token(response.cookies["access_token"].value)
    assert claims["sid"] == str(Session.objects.get().id)


def test_a_page_that_never_accepts_the_token_ends_the_circle(browser, at_home, monkeypatch):
    def ask(now):
        monkeypatch.setattr("accounts.browser_views.time.time", lambda: now)
        return browser.get("/login/?next=/api/v1/notes/", headers={"accept": "text/html"})

    assert [ask(1000 + number).status_code for number in range(6)] == [302] * 5 + [503]
    assert "does not take it yet" in ask(1006).text
    assert ask(1030).status_code == 302


@pytest.mark.parametrize(
    "end",
    [
        lambda: Session.objects.all().end(),
        lambda: User.objects.update(is_active=False),
        User.objects.sign_out,
        lambda: User.objects.all().delete(),
        lambda: Session.objects.update(expires_at="2026-01-01T00:00:00Z"),
    ],
    ids=["session ended", "deactivated", "signed out everywhere", "deleted", "expired"],
)
def test_no_fresh_cookie_for_a_session_that_is_over(browser, at_home, end):
    end()
    response = browser.get("/login/?next=/")
    assert response.status_code == 200
    assert "access_token" not in response.cookies
    assert "<form" in response.text


def rows(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_whoever_reads_the_sessions_has_none(browser, at_home):
    key = browser.cookies["users_session"].value
    [(kept,)] = rows("SELECT session_key FROM django_session")
    assert key not in str(rows("SELECT django_session::text FROM django_session"))
    browser.cookies["users_session"] = kept
    assert browser.get("/login/").status_code == 200
    browser.cookies["users_session"] = key
    assert browser.get("/login/").status_code == 302


def test_sessions_of_before_hashes_go_on(browser, at_home):
    key = browser.cookies["users_session"].value
    rows(f"UPDATE django_session SET session_key = '{key}'")
    assert browser.get("/login/").status_code == 200
    rows(import_module("accounts.migrations.0007_hash_browser_sessions").HASH)
    browser.cookies["users_session"] = key
    assert browser.get("/login/").status_code == 302


def test_signing_out_ends_both(browser, post, at_home):
    response = post("/logout/", {}, page=ME)
    assert response.status_code == 302
    assert response.cookies["access_token"].value == ""
    assert response.cookies["access_token"]["max-age"] == 0
    assert not Session.objects.live().exists()
    assert rows("SELECT session_key FROM django_session") == []
    assert browser.get(ME).status_code == 302
    assert browser.get("/login/").status_code == 200


def test_a_page_sends_nobody_to_sign_in_and_back(browser, ada):
    response = browser.get(f"{ME}?a=b&c")
    assert response.status_code == 302
    assert response["Location"] == "/login/?next=/api/v1/users/me/%3Fa%3Db%26c"


def test_an_old_cookie_of_a_living_session_goes_there_and_back(browser, at_home):
    browser.cookies["access_token"] = "old"
    response = browser.get(ME, follow=True)
    assert [status for _, status in response.redirect_chain] == [302, 302]
    assert response.status_code == 200
    assert "ada@example.com" in response.text


def test_a_stranger_finds_the_form_to_register(browser, db, post):
    page = browser.get(USERS)
    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/html")
    for field in ("email", "username", "password"):
        assert f'name="{field}"' in page.text
    assert "ada" not in page.text
    body = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}
    response = browser.post(USERS, body)
    assert response.status_code == 201
    assert User.objects.get().check_password(PASSWORD)
    again = browser.post(USERS, body)
    assert again.status_code == 409
    assert "This email is taken." in again.text
    assert PASSWORD not in again.text


def test_the_raw_form_is_taken_as_it_is(browser, at_home, ada):
    page = browser.get(ME).text
    raw = html.unescape(re.search(r'<textarea name="_content"[^>]*>\s*([^<]*)<', page)[1])
    assert json.loads(raw) == {"email": "ada@example.com", "username": "ada"}
    token = re.search(r'"csrfToken": "(\w+)"', page)[1]
    response = browser.patch(
        ME, raw, content_type="application/json", headers={"x-csrftoken": token}
    )
    assert response.status_code == 200


def test_changing_yourself_from_the_page(browser, at_home):
    token = re.search(r'"csrfToken": "(\w+)"', browser.get(ME).text)[1]
    response = browser.patch(
        ME,
        {"username": "countess"},
        content_type="application/json",
        headers={"x-csrftoken": token},
    )
    assert response.status_code == 200
    assert "countess" in response.text


def test_a_new_password_keeps_this_browser_signed_in(browser, post, at_home):
    body = {"current_password": PASSWORD, "new_password": "battery staple 7"}
    token = re.search(r'"csrfToken": "(\w+)"', browser.get(ME).text)[1]
    response = browser.post(
        f"{ME}password/", body, content_type="application/json", headers={"x-csrftoken": token}
    )
    # A page, where a client gets a 204.
    assert response.status_code == 200
    assert "ada@example.com" in browser.get(ME, follow=True).text


def test_deleting_yourself_from_the_page(browser, at_home):
    page = browser.get(ME).text
    (form,) = re.findall(r'<form data-method="DELETE"[^>]*>(.*?)</form>', page, re.DOTALL)
    (field,) = re.findall(r'<input [^>]*name="(\w+)"', form)
    # As the page's script sends it.
    token = re.search(r'"csrfToken": "(\w+)"', page)[1]
    form = "application/x-www-form-urlencoded; charset=UTF-8"
    headers = {"x-csrftoken": token}
    wrong = browser.delete(ME, f"{field}=wrong", content_type=form, headers=headers)
    assert (wrong.status_code, User.objects.count()) == (403, 1)
    body = urlencode({field: PASSWORD})
    response = browser.delete(ME, body, content_type=form, headers=headers)
    assert response.status_code == 200
    assert not User.objects.exists()
    assert browser.get(ME, follow=True).redirect_chain == [("/login/?next=/api/v1/users/me/", 302)]


def test_the_pages_cost_a_fixed_number_of_queries(browser, post, staff, django_assert_num_queries):
    post("/login/", {"username": "grace", "password": PASSWORD})
    for count in (3, 30):
        User.objects.bulk_create(
            User(email=f"{count}-{n}@example.com", username=f"{count}-{n}") for n in range(count)
        )
        with django_assert_num_queries(2):
            assert browser.get(f"{USERS}?limit=100").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/"])
def test_the_front_page_links_both_services(browser, anonymous, path, db):
    links = anonymous.get(path).json()
    assert links["notes"] == "http://testserver/api/v1/notes/"
    assert links["users"] == "http://testserver/api/v1/users/"
    assert f'{urlsplit(links["notes_docs"]).path}"' in browser.get(path).text


def test_an_old_cookie_does_not_close_the_front_page(browser, db):
    browser.cookies["access_token"] = "old"
    assert browser.get("/").status_code == 200
