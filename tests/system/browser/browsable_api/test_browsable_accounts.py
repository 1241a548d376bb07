"""Accounts and their sessions on the browsable API, by clicking alone."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.system.browser.browsable_api.steps import (
    API,
    ME,
    NOTES,
    USERS,
    answer,
    delete,
    enter,
    expect_problem,
    expect_status,
    follow,
    form,
    from_root,
    send,
    write,
)
from tests.system.client import User


def test_an_account_from_registering_to_the_end(window):
    user = User()
    with window() as page:
        from_root(page, USERS)
        send(page, "POST", email=user.email, username=user.username, password="short")
        expect_problem(page, "/password")
        expect(form(page, "POST").locator('[name="username"]')).to_have_value(user.username)
        send(page, "POST", password=user.password)
        expect_status(page, 201)
        follow(page, "Sign in")
        enter(page, user)
        page.wait_for_url(f"**{USERS}")
        follow(page, user.username)
        expect(page.locator("pre")).to_contain_text(user.email)

        follow(page, "You")
        send(page, "PATCH", username="")
        expect_problem(page, "/username")
        send(page, "PATCH", username=f"{user.username}-2")
        expect_status(page, 200)
        follow(page, "Export")
        expect(page.locator("pre")).to_contain_text("audit_log")
        follow(page, "You")
        follow(page, "Password")
        send(page, "POST", current_password="wrong", new_password="battery staple 7")
        expect_problem(page, "/current_password")
        send(page, "POST", current_password=user.password, new_password="battery staple 7")
        expect_status(page, 204)
        follow(page, "Sessions")
        expect(page.locator(".rows a")).to_have_count(1)

        follow(page, "You")
        page.get_by_text("DELETE", exact=True).click()
        password = page.locator('form[data-method="DELETE"]').get_by_label("Password")
        password.fill("wrong")
        delete(page, 403)
        expect_problem(page, "/password")
        expect(password).to_have_value("wrong")
        password.fill("battery staple 7")
        delete(page)
        page.goto(ME)
        page.wait_for_url("**/login/**")


def test_tokens(window, api):
    user = api.register()
    with window() as page:
        from_root(page, "/auth/token/")
        send(page, "POST", username=user.username, password="wrong")
        expect_problem(page, "401 Unauthorized")
        send(page, "POST", password=user.password)
        refresh = re.search(r'"refresh": "([^"]+)"', answer(page))[1]
        from_root(page, "/token/refresh/")
        send(page, "POST", refresh=refresh)
        refresh = re.search(r'"refresh": "([^"]+)"', answer(page))[1]
        from_root(page, "/auth/logout/")
        send(page, "POST", refresh=refresh)
        expect_status(page, 204)
        from_root(page, "/token/refresh/")
        send(page, "POST", refresh=refresh)
        expect_problem(page, "401 Unauthorized")


@pytest.mark.parametrize("what", ["password-reset", "email-verification"])
def test_mails(window, api, what):
    user = api.register()
    with window() as page:
        from_root(page, f"/{what}/")
        send(page, "POST", email=user.email)
        expect_status(page, 202)
        from_root(page, f"/{what}/confirm/")
        new = {"new_password": "battery staple 7"} if what == "password-reset" else {}
        send(page, "POST", token="no token", **new)
        expect_problem(page, "/token")
        expect(form(page, "POST").locator('[name="token"]')).to_have_value("no token")


def test_sessions_are_ended(page, client, api):
    api.sign_in(client.user)
    follow(page, "Sessions")
    expect(page.locator(".rows a")).to_have_count(3)
    page.locator(".rows a").filter(has_not_text="this one").first.click()
    delete(page)
    follow(page, "Sessions")
    expect(page.locator(".rows a")).to_have_count(2)
    follow(page, "Sign out everywhere")
    send(page, "POST")
    expect_status(page, 204)
    follow(page, "You")
    page.wait_for_url("**/login/**")
    assert client.get(ME).status_code == 401


@pytest.mark.parametrize("path", [NOTES, ME])
def test_signing_out(page, path):
    page.goto(path)
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/login/**")
    page.goto(path)
    page.wait_for_url("**/login/**")


def test_an_expired_token_is_renewed_while_the_session_lives(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    page.context.clear_cookies(name="access_token")
    page.evaluate("sessionStorage.clear()")
    send(page, "PUT", content="two")
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "two"


def test_nothing_is_lost_where_the_session_has_ended(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    page.context.clear_cookies(name=re.compile("access_token|users_session"))
    page.evaluate("sessionStorage.clear()")
    send(page, "PUT", content="two")
    expect_problem(page, "401 Unauthorized")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in beside this page").click()
    enter(opened.value, client.user)
    opened.value.wait_for_url(f"**{API}")
    opened.value.close()
    send(page, "PUT")
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "two"


def test_without_a_connection_nothing_is_lost(page):
    page.context.set_offline(True)
    send(page, "POST", title="Plan")
    expect(page.get_by_role("alert")).to_contain_text("There is no answer")
    page.faults.clear()
    page.context.set_offline(False)
    send(page, "POST")
    expect_status(page, 201)
