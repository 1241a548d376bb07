"""What looks like a page's source is text on every notes page, whoever wrote it."""

import secrets
from itertools import product
from urllib.parse import urlencode
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.system.browser.notes_pages import text_of

# Of 100 characters at most, so that each can be a tag or a username; all have the mark.
HOSTILE = [
    "</title></textarea></script><x-mark><script>alert(1)</script>",
    "'\"><img src=x onerror=alert(2)><x-mark>",
    "<svg onload=alert(3)></svg><x-mark hx-get=/logout/ hx-trigger=load>",
    "<a href=javascript:alert(4) data-export autofocus onfocus=alert(5)><x-mark>",
    "{{ 7|add:7 }}{% debug %}${alert(6)}<!--<x-mark>",
]
ALL = " ".join(HOSTILE)
# What those texts would be, were they none.
MADE_OF_THEM = (
    "x-mark, main script, main img, main svg, [onerror], [onload], [onfocus],"
    " [hx-get='/logout/'], [href^='javascript:']"
)


@pytest.fixture
def client(api, users_sql):
    client = api.sign_in()
    name = f"<img src=x onerror=alert(0)><x-mark>{secrets.token_hex(4)}"
    users_sql("UPDATE users SET username = %s WHERE id = %s", [name, client.user.id])
    client.user.username = name
    return client


@pytest.fixture
def ids(client):
    runs = [{"text": text, "marks": ["bold"], "link": "https://example.com/"} for text in HOSTILE]
    url = "https://example.com/?x-mark"
    blocks = [
        {"type": "paragraph", "text": runs},
        {"type": "code", "code": ALL, "language": "<x-mark>"},
        {"type": "callout", "icon": "<x-mark>", "text": runs},
        {"type": "image", "url": url, "alt": ALL},
        {"type": "bookmark", "url": url, "title": ALL},
    ]
    contents = {"text": ALL, "blocks": {"type": "doc", "version": 1, "blocks": blocks}}
    ids = {}
    for name in ("text", "blocks", "trashed", "trashed_blocks", "archived"):
        content = contents["blocks" if "blocks" in name else "text"]
        fields = {"title": ALL, "content": content, "tags": HOSTILE}
        answer = client.post("/api/v1/notes/", json=fields)
        assert answer.status_code == 201, answer.text
        ids[name] = answer.json()["id"]
        client.patch(f"/api/v1/notes/{ids[name]}/", json={"title": f"Again {ALL}"})
    for name in ("trashed", "trashed_blocks"):
        client.delete(f"/api/v1/notes/{ids[name]}/")
    client.post(f"/api/v1/notes/{ids['archived']}/archive/")
    return ids


def assert_inert(page):
    found = page.locator(MADE_OF_THEM)
    assert found.count() == 0, (page.url, found.first.evaluate("it => it.outerHTML"))
    # Shown, not swallowed: the username on every page.
    expect(page.locator(".who")).to_contain_text("<img src=x onerror=alert(0)><x-mark>")


def forgive(page, text):
    """What Chromium says of answers that were to be so."""
    page.faults[:] = [fault for fault in page.faults if text not in fault]


def test_on_every_page(page, ids):
    paths = [f"/notes/{each}" for each in ("", "?archived=true", "?q=alert", "?q=mark", "trash/")]
    for name in ("text", "blocks", "archived"):
        own = f"/notes/{ids[name]}/"
        paths += [own, f"{own}history/", f"{own}history/1/"]
    paths += [f"/notes/trash/{ids[name]}/" for name in ("trashed", "trashed_blocks")]
    for path in paths:
        page.goto(path)
        assert "x-mark" in page.locator("main").inner_html(), path
        assert_inert(page)
    for path in ("/notes/new/", "/notes/import/", "/notes/export/", "/notes/signed-in/"):
        page.goto(path)
        assert_inert(page)


def test_in_what_is_asked(page, ids):
    names = ("q", "tag", "order", "cursor", "archived", "<x-mark>")
    for name, text in product(names, HOSTILE):
        page.goto(f"/notes/?{urlencode({name: text})}")
        assert_inert(page)
    forgive(page, "status of 400")


def test_in_what_a_script_puts_into_the_page(page, client, ids):
    page.goto("/notes/")
    page.get_by_label("Search").fill("alert")
    expect(page.locator("mark").first).to_be_visible()
    assert_inert(page)

    page.goto(f"/notes/{ids['text']}/")
    client.patch(f"/api/v1/notes/{ids['text']}/", json={"content": f"{ALL} of another tab"})
    text_of(page).fill(f"{ALL} typed here")
    expect(page.locator("#conflict pre")).to_contain_text("<x-mark>")
    assert_inert(page)
    tags = ",".join(f'"{"x" * 100}{i}<x-mark>"' for i in range(2))
    page.get_by_role("textbox", name="Tags").fill(tags)
    expect(page.locator("#tags-errors")).not_to_be_empty()
    assert_inert(page)
    forgive(page, "status of 412")
    forgive(page, "status of 400")


def test_in_the_report_of_an_import(page, tmp_path):
    path = tmp_path / "<x-mark>.zip"
    with ZipFile(path, "w") as file:
        # First the mark alone: without slashes the others open what swallows all that follows.
        for number, text in enumerate(("<x-mark>", *HOSTILE)):
            file.writestr(f"{number}{text.replace('/', '')}.md", b"\xff")
    page.goto("/notes/import/")
    page.get_by_label("Files").set_input_files(path)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#report")).to_contain_text("<x-mark>")
    assert_inert(page)
    forgive(page, "status of 4")
