"""Notes and tags on the browsable API, by clicking alone."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.system.browser.browsable_api.steps import (
    NOTES,
    delete,
    expect_problem,
    expect_status,
    follow,
    form,
    press,
    raw,
    send,
    write,
)


def test_a_note_from_its_first_word_to_its_end(page, client):
    write(page, "Plan", "one", 'Work, "x, y"')
    path = urlsplit(page.url).path
    send(page, "PUT", content="two")
    expect_status(page, 200)
    note = client.get(path).json()
    assert (note["title"], note["content"], note["tags"]) == ("Plan", "two", ["work", "x, y"])
    # Again from the page that came, which has the new state.
    send(page, "PUT", content="three")
    expect_status(page, 200)
    expect(form(page, "PUT").locator('[name="content"]')).to_have_value("three")

    press(page, page.get_by_role("button", name="Archive", exact=True))
    expect_status(page, 200)
    assert client.get(path).json()["is_archived"]
    follow(page, "The note")
    press(page, page.get_by_role("button", name="Unarchive"))
    expect_status(page, 200)
    assert not client.get(path).json()["is_archived"]

    follow(page, "Versions")
    follow(page, "1: Plan")
    press(page, page.get_by_role("button", name="Restore"))
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "one"

    follow(page, "The note")
    delete(page)
    follow(page, "Trash")
    follow(page, "Plan")
    press(page, page.get_by_role("button", name="Restore"))
    expect_status(page, 200)
    follow(page, "The note")
    delete(page)
    follow(page, "Trash")
    follow(page, "Plan")
    delete(page)
    follow(page, "Trash")
    delete(page)
    assert client.get("/api/v1/trash/").json()["results"] == []


def test_a_conflict_is_said_and_nothing_is_lost(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    client.patch(path, json={"content": "of another tab"})
    send(page, "PUT", content="typed here")
    expect_problem(page, "412 Precondition Failed")
    assert client.get(path).json()["content"] == "of another tab"
    expect(form(page, "PUT").locator('[name="content"]')).to_have_value("typed here")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="What it is now").click()
    expect(opened.value.locator("pre")).to_contain_text("of another tab")
    opened.value.close()
    send(page, "PUT")
    expect_problem(page, "412 Precondition Failed")
    form(page, "PUT").get_by_label("If-Match").fill("")
    send(page, "PUT")
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "typed here"


def test_what_was_changed_meanwhile_is_not_deleted(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    client.patch(path, json={"content": "two"})
    delete(page, 412)
    expect_problem(page, "412 Precondition Failed")
    assert client.get(path).status_code == 200


def test_what_is_wrong_is_said_at_the_field(page, client):
    send(page, "POST", title="t" * 501, content="kept", tags="a, b")
    expect_problem(page, "/title")
    title = form(page, "POST").locator('[name="title"]')
    expect(title).to_have_accessible_description(re.compile("no more than 500"))
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(form(page, "POST").locator('[name="content"]')).to_have_value("kept")
    send(page, "POST", title="Short")
    expect_status(page, 201)
    assert client.get(NOTES).json()["results"][0]["tags"] == ["a", "b"]


def test_a_document_by_its_choice(page, client):
    form(page, "POST").get_by_label("Content format").select_option("blocks")
    send(page, "POST", title="Blocks", content='{"type": "doc", "blocks": 1}')
    expect_problem(page, "/content/blocks")
    send(page, "POST", content='{"type": "doc", "version": 1, "blocks": []}')
    expect_status(page, 201)
    (note,) = client.get(NOTES).json()["results"]
    assert note["content_format"] == "blocks"


def test_raw_data(page, client):
    raw(page, "POST", '{"title": ')
    expect_problem(page, "400 Bad Request")
    expect(page.locator("#post__content")).to_have_value('{"title": ')
    raw(page, "POST", '{"title": "Raw"}')
    expect_status(page, 201)
    follow(page, "Raw")
    raw(page, "PATCH", '{"tags": ["red"]}')
    expect_status(page, 200)
    follow(page, "Notes")
    follow(page, "Several at once")
    page.get_by_label("Idempotency-Key").fill("a-key")
    for _ in range(2):
        raw(page, "POST", '{"operations": [{"op": "create", "title": "once"}]}')
        expect_status(page, 200)
        page.get_by_label("Idempotency-Key").fill("a-key")
    titles = [note["title"] for note in client.get(NOTES).json()["results"]]
    assert sorted(titles) == ["Raw", "once"]


def test_filters_and_pages(page, client):
    for number in range(3):
        client.post(NOTES, json={"title": f"Apple {number}", "tags": ["fruit", f"n{number}"]})
    client.post(NOTES, json={"title": "Pear"})
    page.reload()
    rows = page.locator(".rows a")
    expect(rows).to_have_count(4)
    page.get_by_text("Filters").click()
    page.get_by_label("Search").fill("appl")
    page.get_by_label("Order").select_option("title")
    page.get_by_label("Notes on a page").fill("2")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_text(["Apple 0", "Apple 1"])
    follow(page, "Next page")
    expect(rows).to_have_text(["Apple 2"])
    follow(page, "Previous page")
    expect(rows).to_have_text(["Apple 0", "Apple 1"])
    page.get_by_text("Filters").click()
    page.get_by_label("Notes created before this time").fill("yesterday")
    page.get_by_role("button", name="Filter").click()
    expect_problem(page, "created_before")
    page.get_by_text("Filters").click()
    expect(page.get_by_label("Search")).to_have_value("appl")
    follow(page, "Tags")
    page.get_by_text("Filters").click()
    page.get_by_label("Begins with").fill("n")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_text(["n0", "n1", "n2"])


def test_a_tag(page, client):
    write(page, "Plan", tags="colour")
    follow(page, "Tag colour")
    follow(page, "Dry run")
    send(page, "PATCH", name="farbe")
    expect_status(page, 200)
    follow(page, "Tags")
    follow(page, "colour")
    send(page, "PATCH", name="farbe")
    expect_status(page, 200)
    follow(page, "Its notes")
    expect(page.locator(".rows a")).to_have_text(["Plan"])
    follow(page, "Tags")
    follow(page, "farbe")
    delete(page, 200)
    assert client.get("/api/v1/tags/").json()["results"] == []


def test_export_and_import(page, client, tmp_path):
    write(page, "Kept", "text", "red")
    follow(page, "Notes")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as Markdown").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.faults.clear()  # a request whose answer became a file
    follow(page, "Kept")
    delete(page)
    follow(page, "Trash")
    delete(page)
    follow(page, "Notes")
    follow(page, "Import")
    send(page, "POST")
    expect_problem(page, "/file")
    for dry_run, count in ((True, 0), (False, 1)):
        page.get_by_label("File").set_input_files(file)
        page.get_by_label("Dry run").set_checked(dry_run)
        send(page, "POST")
        expect_status(page, 200)
        assert len(client.get(NOTES).json()["results"]) == count
