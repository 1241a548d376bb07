"""The browsable API as a browser uses it: pages, links, forms, cookies."""

from urllib.parse import urlsplit

import pytest

from devstack import admin
from tests.system.browser import Browser
from tests.system.client import User

NOTES = "/api/v1/notes/"


@pytest.fixture
def browser(api):
    with Browser(api.url, api.register()) as browser:
        yield browser


def sign_out_form(page):
    (form,) = [form for form in page.forms if urlsplit(form["action"]).path == "/logout/"]
    return form


def test_a_walk_through_the_pages(browser):
    front = browser.open("/")
    assert f"{browser.url}{NOTES}" in front.links.values()

    # Notes ask for a sign-in, which leads back to them.
    listed = browser.sign_in(NOTES)
    assert urlsplit(listed.url).path == NOTES
    assert {"access_token", "users_session", "users_csrf"} <= set(browser.cookies.keys())
    token = next(cookie for cookie in browser.cookies if cookie.name == "access_token")
    assert token.has_nonstandard_attr("HttpOnly")
    assert token.get_nonstandard_attr("SameSite") == "Lax"

    form = listed.form_with("title", "content", "tags")
    written = browser.submit(form, title="By hand", content="a\r\nb", tags='Red, "x, y"')
    assert "HTTP 201 Created" in " ".join(written.text.replace("</b>", "").split())
    address = next(url for url in written.links.values() if urlsplit(url).path.count("-") == 4)

    listed = browser.open(f"{NOTES}?tag=red")
    assert "By hand" in listed.text
    assert address.rpartition(NOTES)[2].strip("/") in listed.text

    note = browser.open(address)
    shown = note.form_with("title", "content", "tags")["fields"]
    assert (shown["title"], shown["content"]) == ("By hand", "a\nb")
    assert shown["tags"] == 'red, "x, y"'
    assert "By hand" not in browser.open(f"{NOTES}?tag=blue").text

    signed_out = browser.submit(sign_out_form(note))
    assert urlsplit(signed_out.url).path == "/login/"
    assert "access_token" not in browser.cookies
    assert urlsplit(browser.open(NOTES).url).path == "/login/"


def test_registers_with_the_form(api):
    user = User()
    with Browser(api.url, user) as browser:
        form = browser.open("/api/v1/users/").form_with("email", "username", "password")
        browser.submit(form, **user.registration)
        assert user.username in browser.sign_in("/login/?next=/api/v1/users/me/").text


def test_a_write_needs_the_forms_token(browser):
    form = browser.sign_in(NOTES).form_with("title", "csrfmiddlewaretoken")
    for token in ("", "x" * 64):
        fields = form["fields"] | {"title": "Forged", "csrfmiddlewaretoken": token}
        assert browser.post(NOTES, data=fields).status_code == 403
    assert "Forged" not in browser.open(NOTES).text


def test_an_expired_token_is_renewed_while_the_session_lives(browser):
    browser.sign_in()
    browser.cookies.set("access_token", None)
    assert urlsplit(browser.open(f"{NOTES}?limit=1").url).path == NOTES
    assert "access_token" in browser.cookies


def test_a_wrong_password_is_told_and_not_shown(browser):
    form = browser.open("/login/").form_with("username", "password")
    page = browser.submit(form, username=browser.user.username, password="not it")
    assert "The name or the password is wrong." in page.text
    assert "access_token" not in browser.cookies


@pytest.mark.parametrize("path", ["/admin/users/", "/admin/notes/"])
def test_the_admin_is_for_staff(stack, browser, path):
    staff = User(admin.USERNAME, password=admin.password_file(stack.folder).read_text().strip())
    with Browser(browser.url, staff) as manager:
        assert "Site administration" in manager.sign_in(path).text
        answer = manager.get(f"{path}nope/", headers={"Accept": "application/json"})
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    browser.sign_in()
    assert "Site administration" not in browser.get(path).text


def test_the_tags_of_all_are_merged_in_the_admin(stack, api, browser, notes_sql):
    with api.sign_in(browser.user) as client:
        note = client.post(NOTES, json={"tags": ["colour"]}).json()
        client.post(NOTES, json={"tags": ["farbe"]})
        staff = User(admin.USERNAME, password=admin.password_file(stack.folder).read_text().strip())
        with Browser(browser.url, staff) as manager:
            manager.sign_in()
            form = manager.open("/admin/notes/notes/tag/?q=colour").form_with("_selected_action")
            form["fields"]["action"] = "merge"
            asked = manager.submit(form)
            assert "colour: 1 note of 1 user<" in asked.text
            [(target,)] = notes_sql("SELECT id FROM tags WHERE name = 'farbe'")
            form = asked.form_with("_selected_action", "action")
            form["fields"]["target"] = str(target)
            assert "Merged “colour” into “farbe” on 1 note." in manager.submit(form).text
        assert client.get(f"{NOTES}{note['id']}/").json() == {**note, "tags": ["farbe"]}


def test_pages_of_errors_are_html_for_a_browser(browser):
    browser.sign_in()
    for path in (f"{NOTES}nope/", "/api/v1/users/nope/"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            404,
            "text/html; charset=utf-8",
        )
