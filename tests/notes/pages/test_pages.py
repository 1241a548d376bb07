"""What holds on every one of the notes pages."""

import html
from dataclasses import replace
from io import BytesIO
from uuid import uuid4

import pytest

from config.limits import WINDOW
from notes.models import Note
from tests.notes.pages.forms import PAGES, XSS, note_path, post, send
from tests.notes.test_browsable import page_of
from tests.notes.test_notes import make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["new/", "{}", "{}archive/", "{}unarchive/", "{}trash/", "trash/", "import/"]
)
def test_a_write_needs_the_forms_token(browser, api, path):
    note = make(api, title="Before")
    path = PAGES + path.format(f"{note['id']}/")
    assert send(browser, path, {"title": "Forged", "file": ""}).status_code == 403
    assert [each.title for each in Note.objects.all()] == ["Before"]
    assert not Note.objects.get().is_archived


@pytest.mark.parametrize("path", ["new/", "{}", "{}archive/", "{}trash/", "trash/", "import/"])
def test_a_form_that_was_shown_to_somebody_else_does_nothing(browser, api, bob, path):
    """In another tab of the same browser another user has signed in."""
    gone = make(api, title="Gone")
    api.delete(f"/api/v1{note_path(gone)}")
    note = note_path(make(api, title="Before"))
    path = path.format(note) if "{}" in path else PAGES + path
    page = page_of(browser.get(note if path.startswith(note) else path))
    fields = {"shown_to": str(bob.id), "title": "Forged"}
    if path.endswith("import/"):
        file = BytesIO(b'{"title": "Forged"}')
        file.name = "notes.jsonl"
        fields = {"shown_to": str(bob.id), "file": file, "dry_run": ""}
    refused = post(browser, page, path, **fields)
    assert refused.status_code == 403
    assert "another user" in html.unescape(refused.content.decode())
    assert sorted(Note.objects.values_list("title", "is_archived")) == [
        ("Before", False),
        ("Gone", False),
    ]
    assert Note.objects.exclude(deleted_at=None).count() == 1


def test_text_is_shown_as_text(browser, api, issuer, ada):
    browser.cookies["access_token"] = issuer.token(replace(ada, username=XSS[:100], version=2))
    note = make(api, title=XSS, content=XSS, tags=[XSS[:100]])
    path = note_path(note)
    api.patch(f"/api/v1{path}", {"title": f"2{XSS}"})
    paths = [PAGES, f"{PAGES}?q=alert", path, f"{path}history/", f"{path}history/1/"]
    for each in [*paths, f"{PAGES}new/", f"{PAGES}import/"]:
        page = page_of(browser.get(each))
        assert "<script>alert" not in page
        assert "<img" not in page
    api.delete(f"/api/v1{path}")
    for each in (f"{PAGES}trash/", f"{PAGES}trash/{note['id']}/"):
        page = page_of(browser.get(each))
        assert "&lt;script&gt;alert" in page
        assert "<img" not in page


def test_query_counts_do_not_grow(browser, api, django_assert_num_queries):
    for number in range(25):
        note = make(api, title=f"apple {number}", tags=[f"tag {number}"])
        trashed = make(api, title="gone")
        api.delete(f"/api/v1{note_path(trashed)}")
    path = note_path(note)
    for number in range(3):
        api.patch(f"/api/v1{path}", {"title": f"Changed {number}"})
    counts = {
        PAGES: 3,  # user, notes, tags
        f"{PAGES}?tag=tag+1": 3,
        f"{PAGES}?q=apple": 4,  # what is asked, besides
        f"{PAGES}new/": 1,
        path: 2,
        f"{path}history/": 3,
        f"{path}history/1/": 2,
        f"{PAGES}trash/": 2,
        f"{PAGES}trash/{trashed['id']}/": 2,
        f"{PAGES}import/": 1,
        f"{PAGES}export/": 2,
        f"{PAGES}signed-in/": 1,
    }
    for each, count in counts.items():
        with django_assert_num_queries(count):
            page_of(browser.get(each))


def test_the_limits_of_a_user_hold_here_too(browser, api, settings):
    settings.READS_PER_MINUTE = 1
    browser.get(PAGES)
    answer = browser.get(PAGES)
    page_of(answer, 429)
    assert 0 < int(answer["Retry-After"]) <= WINDOW


def test_no_page_where_there_is_none(browser):
    page_of(browser.get(f"{PAGES}{uuid4()}/"), 404)
    page_of(browser.get(f"{PAGES}nope/"), 404)
    answer = browser.get(f"{PAGES}{uuid4()}/archive/")
    page_of(answer, 405)
    assert answer["Allow"] == "POST, OPTIONS"


def test_the_pages_are_no_part_of_the_api(api):
    assert not [
        path
        for path in api.get("/api/v1/schema/notes/?format=json").json()["paths"]
        if not path.startswith("/api/v1/")
    ]
