"""The notes pages in a real browser, with scripts and without, through the gateway."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def client(api):
    """The same user over the API."""
    return api.sign_in()


@pytest.fixture
def page(window, sign_in, client):
    with window() as page:
        sign_in(page, client.user, "/notes/")
        yield page


def saved(page):
    """Waits until all that was typed is saved."""
    expect(page.locator("#state")).to_contain_text("Saved")
    expect(page.locator("#editor[data-dirty]")).to_have_count(0)


def write(page, title, text, tags=""):
    page.goto("/notes/new/")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Tags").fill(tags)
    page.get_by_label("Text", exact=True).fill(text)
    saved(page)
    return urlsplit(page.url).path


def note(client, path):
    return client.get(f"/api/v1{path}").json()


def test_what_is_typed_is_saved_by_itself(page, client):
    path = write(page, "Plan", "one", "Work, home")
    assert re.fullmatch("/notes/[0-9a-f-]{36}/", path)
    page.get_by_label("Text", exact=True).press_sequentially(" and two")
    saved(page)
    kept = note(client, path)
    assert (kept["title"], kept["content"]) == ("Plan", "one and two")
    assert kept["tags"] == ["home", "work"]
    # One note, however often it was saved, and the page is still the same.
    assert len(client.get("/api/v1/notes/").json()["results"]) == 1
    page.reload()
    expect(page.get_by_label("Text", exact=True)).to_have_value("one and two")


def test_errors_come_to_the_field_and_go(page, client):
    path = write(page, "Plan", "one")
    page.get_by_label("Tags").fill("x" * 101)
    expect(page.locator("#tags-errors")).not_to_be_empty()
    page.faults.clear()  # Chromium says that there was a 400
    page.get_by_label("Tags").fill("x")
    saved(page)
    expect(page.locator("#tags-errors")).to_be_empty()
    assert note(client, path)["tags"] == ["x"]


@pytest.mark.parametrize("which", ["mine", "theirs"])
def test_a_conflict_shows_both_texts(page, client, which, assert_accessible):
    path = write(page, "Plan", "one")
    client.patch(f"/api/v1{path}", json={"content": "of another tab"})
    text = page.get_by_label("Text", exact=True)
    text.fill("typed here")
    expect(page.locator("#conflict")).to_contain_text("of another tab")
    page.faults.clear()  # the 412
    assert note(client, path)["content"] == "of another tab"
    expect(text).to_have_value("typed here")
    assert_accessible(page)
    if which == "mine":
        page.get_by_role("button", name="Save mine in its place").click()
        saved(page)
        expect(page.locator("#conflict")).to_be_hidden()
        text.fill("typed on")
        saved(page)
        assert note(client, path)["content"] == "typed on"
    else:
        page.get_by_role("link", name="Take this one").click()
        expect(text).to_have_value("of another tab")


def test_search_tags_archive_trash_restore(page):
    write(page, "Apple pie", "flour", "kitchen")
    path = write(page, "Pear cake", "sugar", "kitchen, sweet")
    page.goto("/notes/")
    titles = page.locator("#results h2")
    page.get_by_label("Search").press_sequentially("appl")
    expect(titles).to_have_text(["Apple pie"])
    expect(page.locator("mark")).to_have_text("Apple")
    expect(page).to_have_url(re.compile("q=appl"))
    page.get_by_label("Search").fill("")
    expect(titles).to_have_count(2)
    page.locator("#tags").get_by_role("link", name="sweet").click()
    expect(titles).to_have_text(["Pear cake"])

    titles.get_by_role("link").click()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("button", name="Take out of the archive").wait_for()
    page.get_by_role("link", name="Archive").click()
    expect(titles).to_have_text(["Pear cake"])
    titles.get_by_role("link").click()
    page.get_by_role("button", name="Take out of the archive").click()
    page.get_by_role("button", name="Archive", exact=True).wait_for()

    page.get_by_role("button", name="Move to the trash").click()
    page.wait_for_url("**/notes/trash/*/")
    page.get_by_role("link", name="Notes").click()
    expect(titles).to_have_text(["Apple pie"])
    page.get_by_role("link", name="Trash").click()
    page.get_by_role("link", name="Pear cake").click()
    page.get_by_role("button", name="Restore").click()
    page.wait_for_url(f"**{path}")


def test_history(page, client):
    path = write(page, "Plan", "one")
    client.patch(f"/api/v1{path}", json={"content": "two"})
    page.goto(path)
    page.get_by_role("link", name="History").click()
    page.locator("[data-note]").last.click()
    page.get_by_role("button", name="Make the note so again").click()
    page.wait_for_url(f"**{path}")
    assert note(client, path)["content"] != "two"


@pytest.mark.parametrize("form", ["JSON lines", "Markdown"])
def test_export_and_import(page, client, tmp_path, form):
    path = write(page, "Kept", "text", "red")
    page.goto("/notes/export/")
    with page.expect_download() as download:
        page.get_by_role("link", name=form).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    expect(page.locator("#progress-text")).to_have_text("Done.")
    assert page.locator("progress").evaluate("bar => bar.value") == 1
    client.delete(f"/api/v1{path}")
    client.delete("/api/v1/trash/")
    page.goto("/notes/import/")
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#report")).to_contain_text("What was done")
    expect(page.locator("#report dd").first).to_have_text("1")
    expect(page.locator("#progress")).to_be_hidden()
    (kept,) = client.get("/api/v1/notes/").json()["results"]
    assert (kept["title"], kept["excerpt"], kept["tags"]) == ("Kept", "text", ["red"])


def test_keys_do_nothing_in_a_field(page):
    write(page, "Plan", "one")
    text = page.get_by_label("Text", exact=True)
    text.press_sequentially(" n/?je")
    expect(text).to_have_value("one n/?je")
    saved(page)
    page.goto("/notes/")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Plan")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.get_by_label("Search").blur()
    page.keyboard.press("?")
    shown = page.get_by_role("dialog", name="Keys")
    expect(shown).to_be_visible()
    shown.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(shown).to_be_hidden()


def test_an_expired_token_is_renewed_while_the_session_lives(page, client):
    path = write(page, "Plan", "one")
    page.context.clear_cookies(name="access_token")
    page.evaluate("sessionStorage.clear()")
    page.get_by_label("Text", exact=True).fill("two")
    saved(page)
    assert note(client, path)["content"] == "two"


def test_nothing_is_lost_where_the_session_has_ended(page, client, sign_in):
    path = write(page, "Plan", "one")
    page.context.clear_cookies(name=re.compile("access_token|users_session"))
    page.evaluate("sessionStorage.clear()")
    text = page.get_by_label("Text", exact=True)
    text.fill("two")
    link = page.locator("#state").get_by_role("link", name="sign in")
    expect(link).to_be_visible()
    with page.context.expect_page() as opened:
        link.click()
    sign_in(opened.value, client.user, "/notes/signed-in/")
    opened.value.close()
    page.bring_to_front()
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    assert note(client, path)["content"] == "two"
    assert all("401" in fault for fault in page.faults)
    page.faults.clear()


def test_a_lost_connection_is_said_and_made_good(page, client):
    path = write(page, "Plan", "one")
    page.context.set_offline(True)
    page.get_by_label("Text", exact=True).fill("two")
    expect(page.locator("#state")).to_contain_text("there is no connection")
    page.context.set_offline(False)
    saved(page)
    page.faults.clear()
    assert note(client, path)["content"] == "two"


def test_without_scripts(window, sign_in, client):
    with window(java_script_enabled=False) as page:
        sign_in(page, client.user, "/notes/")
        page.get_by_role("link", name="New note").click()
        page.get_by_label("Title").fill("By hand")
        page.get_by_label("Text", exact=True).fill("one")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile("/notes/[0-9a-f-]{36}/"))
        path = urlsplit(page.url).path
        # The token has expired, the session lives: the page comes again, and with it a new token.
        page.context.clear_cookies(name="access_token")
        page.get_by_label("Text", exact=True).fill("two")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#state")).to_contain_text("Not saved")
        page.wait_for_load_state()
        page.faults.clear()  # the 401
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#state")).to_contain_text("Saved")
        assert note(client, path)["content"] == "two"
        page.get_by_role("link", name="Notes", exact=True).click()
        page.get_by_label("Search").fill("hand")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#results h2")).to_have_text(["By hand"])


def test_text_is_inert(page):
    path = write(page, XSS, XSS, f'"{XSS}"')
    for each in (path, "/notes/", "/notes/?q=script", f"{path}history/"):
        page.goto(each)
        assert page.locator("main script, main img").count() == 0
    page.goto(path)
    page.get_by_role("button", name="Move to the trash").click()
    page.wait_for_url("**/notes/trash/*/")
    assert page.locator("main script, main img").count() == 0


def test_every_page_is_accessible_in_both_themes_and_fits_a_phone(page, client, assert_accessible):
    path = write(page, "Plan", "one", "red")
    client.patch(f"/api/v1{path}", json={"content": "two", "tags": ["red", "blue"]})
    trashed = client.post("/api/v1/notes/", json={"title": "Gone", "content": "x"}).json()["id"]
    client.delete(f"/api/v1/notes/{trashed}/")
    pages = ["/notes/", "/notes/?q=plan", "/notes/?tag=red", "/notes/?archived=true", path]
    pages += [f"{path}history/", f"{path}history/1/", "/notes/new/", "/notes/trash/"]
    pages += [f"/notes/trash/{trashed}/", "/notes/import/", "/notes/export/", "/notes/signed-in/"]
    for each in pages:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(each)
        assert_accessible(page)
        page.set_viewport_size({"width": 320, "height": 640})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, (each, width)
    page.goto("/notes/")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert_accessible(page)
