"""The front page, the page to register and the events for staff, in a real browser."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from devstack import admin
from tests.system.client import User

LIVE = "/admin/notes/inbox/eventlog/live/"


@pytest.fixture
def staff(stack):
    return User(admin.USERNAME, password=admin.password_file(stack.folder).read_text().strip())


def step(page, name):
    return page.locator("#change li").filter(has_text=name)


def part(page, service):
    return page.locator(f'[data-readiness="/readyz/{service}"]')


def sign_in(page, user):
    """From the front page, and back there."""
    page.goto("/")
    page.get_by_role("link", name="Sign in").click()
    fill_in(page, user)
    page.wait_for_url(lambda url: urlsplit(url).path == "/")


def fill_in(page, user):
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(user.password)
    page.get_by_role("button", name="Sign in").click()


def register(page, user):
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(user.password)
    page.get_by_role("button", name="Register").click()


def test_a_stranger_registers_and_sees_the_registration_applied(window):
    user = User()
    with window() as page:
        page.goto("/")
        expect(part(page, "users")).to_have_text("ready")
        expect(part(page, "notes")).to_have_text("ready")
        assert page.locator("#change").count() == 0
        page.get_by_role("link", name="Register").click()
        register(page, user)
        page.wait_for_url("**/")
        expect(page.locator("header")).to_contain_text(user.username)
        # Without a reload, by way of Kafka.
        expect(step(page, "Sent")).to_contain_text("yes")
        expect(page.locator("[data-applied]")).to_be_visible()
        page.get_by_role("link", name="To your notes").click()
        expect(page.locator("header")).to_contain_text(user.username)
        page.goto("/")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login/")
        page.goto("/")
        assert user.username not in page.content()


def test_a_change_is_followed_while_it_waits(stack, window, api):
    client = api.sign_in()
    with window() as page:
        sign_in(page, client.user)
        expect(page.locator("[data-applied]")).to_be_visible()
        stack.relay.stop()
        try:
            client.user.username += "-too"
            client.patch("/api/v1/users/me/", json={"username": client.user.username})
            expect(step(page, "Sent")).to_contain_text("it waits in the outbox")
            expect(page.locator("[data-applied]")).to_have_count(0)
            stack.consumer.stop()
            stack.relay.start()
            expect(step(page, "Sent")).to_contain_text("yes")
            expect(page.locator("[data-applied]")).to_have_count(0)
        finally:
            stack.relay.start()
            stack.consumer.start()
        expect(page.locator("[data-applied]")).to_be_visible()


def test_who_is_signed_out_elsewhere_is_shown_no_more(window, api):
    client = api.sign_in()
    with window() as page:
        sign_in(page, client.user)
        expect(page.locator("#change")).to_be_visible()
        client.post("/api/v1/auth/logout-all/")
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
        assert client.user.username not in page.content()


@pytest.mark.parametrize("service", ["users", "notes"])
def test_the_state_of_a_part_is_live(stack, window, service):
    database = getattr(stack, f"{service}_db")
    with window() as page:
        page.goto("/")
        expect(part(page, service)).to_have_text("ready")
        database.stop()
        try:
            told = re.compile("^not ready: database unavailable, migrations unknown$")
            expect(part(page, service)).to_have_text(told)
        finally:
            database.start()
            database.wait_ready()
        expect(part(page, service)).to_have_text("ready")
        assert all("503" in fault for fault in page.faults)
        page.faults.clear()


def test_the_page_is_there_while_the_notes_are_not(stack, window, api):
    """With a script and without one, and it knows again afterwards."""
    user = api.register()
    with window() as page, window(java_script_enabled=False) as plain:
        for each in (page, plain):
            sign_in(each, user)
            expect(part(each, "notes")).to_have_text("ready")
        stack.notes.stop()
        try:
            expect(part(page, "notes")).to_have_text("does not answer")
            expect(step(page, "Applied")).to_contain_text("they do not answer")
            plain.goto("/")
            expect(part(plain, "users")).to_have_text("ready")
            expect(part(plain, "notes")).to_have_text("not ready")
            expect(step(plain, "Applied")).to_contain_text("they do not answer")
        finally:
            stack.notes.start()
            stack.notes.wait_ready()
        expect(part(page, "notes")).to_have_text("ready")
        expect(page.locator("[data-applied]")).to_be_visible()
        plain.goto("/")
        expect(part(plain, "notes")).to_have_text("ready")
        expect(plain.locator("[data-applied]")).to_be_visible()
        assert all("502" in fault for fault in page.faults)
        page.faults.clear()


def test_errors_come_to_the_field_and_what_was_typed_stays(window, api, assert_accessible):
    other, user = api.register(), User()
    with window() as page:
        page.goto("/register/?next=/notes/")
        user.username, name = other.username, user.username
        register(page, user)
        username = page.get_by_label("Username")
        expect(username).to_have_attribute("aria-invalid", "true")
        expect(username).to_have_accessible_description(re.compile("This username is taken."))
        expect(username).to_have_value(other.username)
        expect(page.get_by_label("E-mail address")).to_have_value(user.email)
        expect(page.get_by_label("Password")).to_have_value("")
        page.faults.clear()  # the 409
        assert_accessible(page)
        # The list of errors leads to the field.
        page.get_by_role("alert").get_by_role("link", name="username").click()
        expect(username).to_be_focused()
        user.username = name
        register(page, user)
        page.wait_for_url("**/notes/")
        expect(page.locator("header")).to_contain_text(name)


def test_by_keyboard_alone(window, api):
    user = api.register()
    with window() as page:
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Sign in")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Username")).to_be_focused()
        page.keyboard.type(user.username)
        page.keyboard.press("Tab")
        page.keyboard.type(user.password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        expect(page.locator("header")).to_contain_text(user.username)


def test_every_link_leads_somewhere(window, staff):
    with window() as page:
        sign_in(page, staff)
        links = page.locator("main a").evaluate_all("all => all.map(a => a.href)")
        assert len(links) >= 10
        for link in links:
            assert page.request.get(link, headers={"Accept": "text/html"}).status == 200, link


def test_events_as_they_happen_are_for_staff(window, staff, api, assert_accessible):
    with window() as page:
        sign_in(page, staff)
        page.get_by_role("link", name="events as they happen").click()
        user = api.register()
        row = page.locator("#events tr").filter(has_text=user.id)
        expect(row).to_contain_text("user.created.v1")
        expect(row).to_contain_text("applied")
        assert_accessible(page)
        # An expired token is renewed on the way.
        page.context.clear_cookies(name="access_token")
        user = api.register()
        row = page.locator("#events tr").filter(has_text=user.id)
        expect(row).to_be_visible()
        page.get_by_role("link", name="Pause").click()
        expect(page.locator("[hx-get]")).to_have_count(0)
        page.get_by_role("link", name="Go on").click()
        expect(page.locator("[hx-get]")).to_have_count(1)
        # The end of the session leads to signing in, and back.
        page.context.clear_cookies()
        page.wait_for_url("**/login/?next=*")
        fill_in(page, staff)
        page.wait_for_url(f"**{LIVE}*")


def test_all_of_it_is_accessible_in_both_themes_and_fits_a_phone(
    window, staff, api, assert_accessible
):
    signed_out = ["/", "/register/", "/login/", "/password-reset/"]
    with window() as stranger, window() as member, window() as manager:
        sign_in(member, api.register())
        sign_in(manager, staff)
        opened = [(stranger, each) for each in signed_out] + [(member, "/"), (manager, "/")]
        for page, path in opened:
            page.set_viewport_size({"width": 1280, "height": 800})
            page.goto(path)
            assert urlsplit(page.url).path == path
            assert_accessible(page)
            page.set_viewport_size({"width": 320, "height": 640})
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 320, (path, width)
