"""The notes pages in a real browser, through the gateway: what each is for, for everybody."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.system.browser.notes_pages import note, saved, text_of, write


def test_search_tags_archive_trash_restore(page):
    write(page, "Apple pie", "flour", "kitchen")
    path = write(page, "Pear cake", "sugar", "kitchen, sweet")
    page.goto("/notes/")
    titles = page.locator("#results h2")
    page.get_by_label("Search").press_sequentially("appl")
    expect(titles).to_have_text(["Apple pie"])
    expect(page.locator("mark")).to_have_text("Appl")
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
    page.locator("[data-note]").first.click()
    page.get_by_role("button", name="Make the note so again").click()
    page.wait_for_url(f"**{path}")
    assert note(client, path)["content"] == "one"


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


def test_how_far_an_import_is(page, tmp_path):
    """What the bar said, in its order: a part of the file sent, then that it is written."""
    file = tmp_path / "notes.jsonl"
    lines = [{"format": "notes-jsonl", "version": 1}]
    lines += [{"title": f"Long {n}", "content": "x" * 100_000} for n in range(3)]
    lines.append({"end": True, "notes": 3})
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    page.goto("/notes/import/")
    page.evaluate(
        """() => {
          window.said = [];
          const watched = document.querySelector("#progress");
          new MutationObserver(() => said.push(watched.innerText.trim())).observe(
            watched, { childList: true, subtree: true, attributes: true });
        }"""
    )
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#report dd").first).to_have_text("3")
    said = list(dict.fromkeys(filter(None, page.evaluate("said"))))
    assert said == ["Sending…", "Writing the notes…"]


def test_keys_do_nothing_in_a_field(page):
    write(page, "Plan", "one")
    text_of(page).press_sequentially(" n/?je")
    expect(text_of(page)).to_have_value("one n/?je")
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


def tab_to(page, target):
    for _ in range(50):
        if target.evaluate("target => target === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not come to {target}.")


def test_with_the_keyboard_alone(window, client):
    with window() as page:
        press, type_in = page.keyboard.press, page.keyboard.type
        page.goto("/notes/")
        tab_to(page, page.get_by_label("Username"))
        type_in(client.user.username)
        tab_to(page, page.get_by_label("Password"))
        type_in(client.user.password)
        press("Enter")
        page.get_by_role("heading", name="Notes").wait_for()
        page.wait_for_load_state()
        press("n")
        expect(page.get_by_label("Title")).to_be_focused()
        type_in("Plan")
        tab_to(page, page.get_by_label("Tags"))
        type_in("work")
        tab_to(page, text_of(page))
        type_in("one")
        saved(page)
        tab_to(page, page.get_by_role("button", name="Move to the trash"))
        press("Enter")
        page.wait_for_url("**/notes/trash/*/")
        tab_to(page, page.get_by_role("button", name="Restore"))
        press("Enter")
        page.get_by_label("Title").wait_for()
        tab_to(page, page.get_by_role("link", name="Notes", exact=True))
        press("Enter")
        page.get_by_role("heading", name="Notes").wait_for()
        page.wait_for_load_state()
        press("/")
        type_in("plan")
        expect(page.locator("mark")).to_have_text("Plan")
        tab_to(page, page.get_by_role("link", name="Plan"))
        press("Enter")
        expect(text_of(page)).to_have_value("one")
        press("e")
        expect(text_of(page)).to_be_focused()
        tab_to(page, page.get_by_role("button", name="Sign out"))
        press("Enter")
        page.get_by_label("Username").wait_for()


PAGES = [
    *("/notes/", "/notes/?q=plan", "/notes/?tag=red", "/notes/?archived=true", "/notes/new/"),
    *("/notes/{kept}/", "/notes/{kept}/history/", "/notes/{kept}/history/1/", "/notes/{blocks}/"),
    *("/notes/trash/", "/notes/trash/{trashed}/", "/notes/import/", "/notes/export/"),
    "/notes/signed-in/",
]


def test_every_page_is_for_everybody(page, client, assert_accessible, assert_all_by_tab):
    """In both themes, on a phone, with the keyboard."""

    def make(**fields):
        return client.post("/api/v1/notes/", json=fields).json()["id"]

    blocks = [{"type": "paragraph", "text": [{"text": "one"}]}]
    ids = {
        "kept": make(title="Plan", content="one", tags=["red"]),
        "blocks": make(title="Blocks", content={"type": "doc", "version": 1, "blocks": blocks}),
        "trashed": make(title="Gone" * 50, content="x" * 500),
    }
    client.patch(f"/api/v1/notes/{ids['kept']}/", json={"content": "two", "tags": ["red", "blue"]})
    client.delete(f"/api/v1/notes/{ids['trashed']}/")
    for path in PAGES:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(path.format(**ids))
        assert_accessible(page)
        assert_all_by_tab(page)
        page.set_viewport_size({"width": 320, "height": 640})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, (path, width)
    page.goto("/notes/")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert_accessible(page)
