"""What is typed on the notes pages is saved by itself, and never lost nor written over unseen."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.system.browser.notes_pages import expect_faults, note, saved, text_of, titles, write


def test_what_is_typed_is_saved_by_itself(page, client):
    path = write(page, "Plan", "one", "Work, home")
    assert re.fullmatch("/notes/[0-9a-f-]{36}/", path)
    text_of(page).press_sequentially(" and two")
    saved(page)
    kept = note(client, path)
    assert (kept["title"], kept["content"]) == ("Plan", "one and two")
    assert kept["tags"] == ["home", "work"]
    # One note, however often it was saved, and the page is still the same.
    assert titles(client) == ["Plan"]
    page.reload()
    expect(text_of(page)).to_have_value("one and two")


@pytest.mark.parametrize("way", ["link", "button", "key"])
def test_what_was_typed_last_is_saved_before_one_leaves(page, client, way):
    path = write(page, "Plan", "one")
    text_of(page).fill("two")
    if way == "link":
        page.get_by_role("link", name="Trash").click()
        page.wait_for_url("**/notes/trash/")
    elif way == "button":
        page.get_by_role("button", name="Archive").click()
        page.get_by_role("button", name="Take out of the archive").wait_for()
    else:
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            text_of(page).press("Control+s")
        saved(page)
    assert note(client, path)["content"] == "two"


def test_errors_come_to_the_field_and_go(page, client):
    path = write(page, "Plan", "one")
    tags = page.get_by_label("Tags")
    tags.fill("x" * 101)
    expect(page.locator("#tags-errors")).not_to_be_empty()
    expect(tags).to_have_attribute("aria-invalid", "true")
    expect_faults(page, "status of 400")
    tags.fill("x")
    saved(page)
    expect(page.locator("#tags-errors")).to_be_empty()
    expect(tags).to_have_attribute("aria-invalid", "false")
    assert note(client, path)["tags"] == ["x"]


@pytest.mark.parametrize("way", ["mine", "new", "theirs"])
def test_a_conflict_shows_both_texts(page, client, way):
    path = write(page, "Plan", "one")
    client.patch(f"/api/v1{path}", json={"content": "of another tab"})
    text_of(page).fill("typed here")
    expect(page.locator("#conflict")).to_contain_text("of another tab")
    expect(page.locator("#saving")).to_be_hidden()
    expect(page.locator("#editor > button")).to_be_hidden()
    expect_faults(page, "status of 412")
    assert note(client, path)["content"] == "of another tab"
    expect(text_of(page)).to_have_value("typed here")
    if way == "theirs":
        page.get_by_role("link", name="Take this one").click()
        expect(text_of(page)).to_have_value("of another tab")
        return
    name = "Save mine in its place" if way == "mine" else "Save mine as a new note"
    page.get_by_role("button", name=name).click()
    saved(page)
    expect(page.locator("#conflict")).to_be_hidden()
    text_of(page).fill("typed on")
    saved(page)
    now = urlsplit(page.url).path
    assert (now == path) == (way == "mine")
    assert note(client, now)["content"] == "typed on"
    assert len(titles(client)) == (1 if way == "mine" else 2)


def test_in_a_conflict_nothing_is_saved_but_by_choice(page, client):
    path = write(page, "Plan", "one")
    client.patch(f"/api/v1{path}", json={"content": "of another tab"})
    for text in ("typed here", "typed on"):
        with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            text_of(page).fill(text)
        assert answered.value.status == 412
        expect(page.locator("#conflict")).to_be_visible()
    assert note(client, path)["content"] == "of another tab"
    expect_faults(page, "status of 412")


def test_a_conflict_is_for_everybody(page, client, assert_accessible, assert_all_by_tab):
    path = write(page, "Plan", "one")
    client.patch(f"/api/v1{path}", json={"content": "of another tab"})
    text_of(page).fill("typed here")
    expect(page.locator("#conflict")).to_contain_text("of another tab")
    expect_faults(page, "status of 412")
    assert_accessible(page)
    assert_all_by_tab(page)


def test_a_first_answer_that_was_lost_makes_no_second_note(page, client):
    """Typed on meanwhile: what is there is shown beside it."""
    answered = []

    def lose(route):
        answered.append(route.fetch(max_redirects=0).status)
        text_of(page).fill("one and two")
        route.abort()

    page.goto("/notes/new/")
    page.route("**/notes/new/", lose, times=1)
    text_of(page).fill("one")
    expect(page.locator("#conflict pre")).to_have_text("one")
    assert answered == [302]
    page.get_by_role("button", name="Save mine in its place").click()
    saved(page)
    assert note(client, urlsplit(page.url).path)["content"] == "one and two"
    assert titles(client) == ["Untitled"]
    page.faults.clear()  # the lost request, the 412


def test_an_expired_token_is_renewed_while_the_session_lives(page, client):
    path = write(page, "Plan", "one")
    page.context.clear_cookies(name="access_token")
    page.evaluate("sessionStorage.clear()")
    text_of(page).fill("two")
    saved(page)
    assert note(client, path)["content"] == "two"


@pytest.mark.parametrize("gone", ["session", "all"])
def test_nothing_is_lost_where_the_session_has_ended(page, client, sign_in, gone):
    """Of all cookies also the form's own, without which the answer is not the form."""
    path = write(page, "Plan", "one")
    cookies = {"session": re.compile("access_token|users_session"), "all": None}[gone]
    page.context.clear_cookies(name=cookies)
    page.evaluate("sessionStorage.clear()")
    text_of(page).fill("two")
    link = page.locator("#state").get_by_role("link", name="sign in")
    expect(link).to_be_visible()
    assert note(client, path)["content"] == "one"
    with page.context.expect_page() as opened:
        link.click()
    sign_in(opened.value, client.user, "/notes/signed-in/")
    opened.value.close()
    page.bring_to_front()
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    assert urlsplit(page.url).path == path
    assert note(client, path)["content"] == "two"
    page.faults[:] = [fault for fault in page.faults if "401" not in fault]


@pytest.mark.parametrize("kind", ["new", "kept"])
def test_what_one_user_types_is_no_other_users(page, client, api, sign_in, kind):
    path = write(page, "Plan", "one") if kind == "kept" else "/notes/new/"
    page.goto(path)
    other = api.sign_in()
    change_user(page, sign_in, other.user)
    text_of(page).fill("private")
    expect(page.locator("#state")).to_contain_text("another user's")
    expect(text_of(page)).to_have_value("private")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#state")).to_contain_text("another user's")
    assert titles(other) == []
    change_user(page, sign_in, client.user)
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    assert titles(other) == []
    assert note(client, urlsplit(page.url).path)["content"] == "private"
    expect_faults(page, "status of 403")


def change_user(page, sign_in, user):
    """In another tab."""
    with page.context.expect_page() as opened:
        page.evaluate("open('/notes/')")
    opened.value.get_by_role("button", name="Sign out").click()
    opened.value.wait_for_url("**/login/**")
    sign_in(opened.value, user, "/notes/")
    opened.value.close()
    page.bring_to_front()


def test_a_lost_connection_is_said_and_made_good(page, client):
    path = write(page, "Plan", "one")
    page.context.set_offline(True)
    text_of(page).fill("two")
    expect(page.locator("#state")).to_contain_text("there is no connection")
    page.context.set_offline(False)
    saved(page)
    page.faults.clear()
    assert note(client, path)["content"] == "two"


class TestWithoutScripts:
    @pytest.fixture
    def page(self, window, sign_in, client):
        with window(java_script_enabled=False) as page:
            sign_in(page, client.user, "/notes/")
            page.get_by_role("link", name="New note").click()
            page.get_by_label("Title").fill("By hand")
            text_of(page).fill("one")
            yield page

    def test_a_note_is_written_read_and_found(self, page, client):
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile("/notes/[0-9a-f-]{36}/"))
        path = urlsplit(page.url).path
        # The token has expired, the session lives: the page comes again, and with it a new token.
        page.context.clear_cookies(name="access_token")
        text_of(page).fill("two")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#state")).to_contain_text("Not saved")
        page.wait_for_load_state()
        expect_faults(page, "status of 401")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#state")).to_contain_text("Saved")
        assert note(client, path)["content"] == "two"
        page.get_by_role("link", name="Notes", exact=True).click()
        page.get_by_label("Search").fill("hand")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#results h2")).to_have_text(["By hand"])

    def test_a_double_click_makes_one_note(self, page, client):
        page.get_by_role("button", name="Save").dblclick()
        page.wait_for_url(re.compile("/notes/[0-9a-f-]{36}/"))
        assert titles(client) == ["By hand"]
        page.faults.clear()  # the first request, which the second click ended

    def test_the_ways_out_of_a_conflict(self, page, client):
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile("/notes/[0-9a-f-]{36}/"))
        path = urlsplit(page.url).path
        client.patch(f"/api/v1{path}", json={"content": "of another tab"})
        text_of(page).fill("typed here")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#conflict")).to_contain_text("of another tab")
        expect_faults(page, "status of 412")
        page.get_by_role("button", name="Save mine as a new note").click()
        expect(page.locator("#state")).to_contain_text("Saved")
        assert note(client, path)["content"] == "of another tab"
        assert note(client, urlsplit(page.url).path)["content"] == "typed here"
