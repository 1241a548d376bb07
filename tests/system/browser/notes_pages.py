"""What somebody does on the notes pages, and what the API has of it."""

from urllib.parse import urlsplit

from playwright.sync_api import expect


def text_of(page):
    return page.get_by_label("Text", exact=True)


def saved(page):
    """Waits until all that was typed is saved."""
    expect(page.locator("#state")).to_contain_text("Saved")
    expect(page.locator("#editor[data-dirty]")).to_have_count(0)


def write(page, title, text, tags=""):
    """Returns the path of the new note's page."""
    page.goto("/notes/new/")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Tags").fill(tags)
    text_of(page).fill(text)
    saved(page)
    return urlsplit(page.url).path


def note(client, path):
    return client.get(f"/api/v1{path}").json()


def titles(client):
    return sorted(each["title"] for each in client.get("/api/v1/notes/").json()["results"])


def expect_faults(page, text):
    """Those of requests that were to fail: Chromium says of each answer what its status was."""
    assert page.faults
    assert [fault for fault in page.faults if text not in fault] == []
    page.faults.clear()
