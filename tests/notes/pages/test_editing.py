"""The editor without scripts: what is written is kept, and nothing is written over unseen."""

import re

import pytest

from notes.models import Note
from tests.notes.pages.forms import PAGES, XSS, follow, note_path, post, send, write
from tests.notes.test_browsable import Forms, page_of
from tests.notes.test_notes import make

pytestmark = pytest.mark.django_db


def test_a_note_is_written_read_and_changed(browser):
    path, page = write(browser, title="Plan", content="a\r\nb", tags='Work, "x, y"')
    note = Note.objects.get()
    assert path == f"{PAGES}{note.id}/"
    assert note.content == "a\nb"
    fields = Forms(page).of("POST", "content")
    assert (fields["title"], fields["content"]) == ("Plan", "a\nb")
    assert fields["tags"] == 'work, "x, y"'
    page = follow(browser, post(browser, page, path, title="Plan B"))
    assert Forms(page).of("POST", "content")["title"] == "Plan B"
    assert "Plan B" in page_of(browser.get(PAGES))


def test_a_form_that_is_sent_as_it_came_changes_no_letter(browser, api):
    for content in ("\n\nlead", "", " a\n", "a\r\nb\r\n", None):
        note = make(api, content=content)
        path = note_path(note)
        follow(browser, post(browser, page_of(browser.get(path)), path, title="Another"))
        assert Note.objects.get(id=note["id"]).content == content


def test_a_block_document_stays_one(browser, api):
    document = {"type": "doc", "version": 1, "blocks": [{"type": "divider"}]}
    note = make(api, content=document)
    path = note_path(note)
    page = follow(browser, post(browser, page_of(browser.get(path)), path, title="Blocks"))
    assert api.get(f"/api/v1{path}").json()["content"] == document
    refused = post(browser, page, path, content='{"type": "doc"}')
    assert "version: " in page_of(refused, 400)
    assert Forms(page_of(refused, 400)).of("POST", "content")["content"] == '{"type": "doc"}'


def test_a_block_document_can_be_read(browser, api):
    text = [{"text": "<b>", "marks": ["bold"]}]
    blocks = [{"type": "heading", "level": 1, "text": text}, {"type": "divider"}]
    note = make(api, content={"type": "doc", "version": 1, "blocks": blocks})
    path = note_path(note)
    api.patch(f"/api/v1{path}", {"title": "Changed"})
    shown = re.compile(r"<pre[^>]*># \*\*\\&lt;b\\&gt;\*\*\n\n---\n</pre>")
    for each in (path, f"{path}history/1/"):
        assert shown.search(page_of(browser.get(each)))
    api.delete(f"/api/v1{path}")
    assert shown.search(page_of(browser.get(f"{PAGES}trash/{note['id']}/")))


def test_errors_stand_at_the_field_and_what_was_typed_stays(browser, api):
    typed = {"title": "t" * 501, "content": "kept", "tags": "a, " + "b" * 101}
    note = make(api)
    for path in (f"{PAGES}new/", note_path(note)):
        page = page_of(post(browser, page_of(browser.get(path)), path, **typed), 400)
        fields = Forms(page).of("POST", "content")
        assert {name: fields[name] for name in typed} == typed
        assert re.search(r'id="title-errors"[^>]*>Ensure this field has no more than 500', page)
        assert re.search(r'id="tags-errors"[^>]*>\w', page)
        assert re.search(r'id="content-errors"[^>]*></div>', page)
    assert [each.title for each in Note.objects.all()] == ["Untitled"]


def test_a_conflict_shows_both_texts_and_writes_over_nothing(browser, api):
    note = make(api, title="Mine", content="first")
    path = note_path(note)
    page = page_of(browser.get(path))
    api.patch(f"/api/v1{path}", {"content": "of another tab"})
    refused = page_of(post(browser, page, path, content="typed here"), 412)
    assert Note.objects.get().content == "of another tab"
    assert Forms(refused).of("POST", "content")["content"] == "typed here"
    assert "of another tab" in refused
    # Who saw both and saves again means it.
    follow(browser, post(browser, refused, path))
    assert Note.objects.get().content == "typed here"


@pytest.mark.parametrize("etag", ["", "*", '"x"'])
def test_nothing_is_saved_over_a_state_that_was_not_seen(browser, api, etag):
    note = make(api, content="first")
    path = note_path(note)
    page_of(post(browser, page_of(browser.get(path)), path, etag=etag, content="b"), 412)
    assert Note.objects.get().content == "first"


def test_what_was_saved_already_is_no_conflict(browser, api):
    note = make(api, tags=["a"])
    path = note_path(note)
    page = page_of(browser.get(path))
    for _ in range(2):
        follow(browser, post(browser, page, path, content="b", tags="C, a"))
    assert len(Note.objects.get().versions.all()) == 1


def test_a_note_that_is_gone_can_be_saved_as_a_new_one(browser, api):
    note = make(api)
    path = note_path(note)
    page = page_of(browser.get(path))
    api.delete(f"/api/v1{path}")
    refused = page_of(post(browser, page, path, content="typed"), 404)
    follow(browser, post(browser, refused, f"{PAGES}new/"))
    assert Note.objects.exclude(id=note["id"]).get().content == "typed"


class TestSignedOut:
    @pytest.fixture
    def page(self, browser, api):
        self.path = note_path(make(api, content="first"))
        page = page_of(browser.get(self.path))
        self.token = browser.cookies.pop("access_token")
        return page

    def test_what_was_typed_comes_back(self, browser, page):
        refused = page_of(post(browser, page, self.path, content=XSS), 401)
        assert Forms(refused).of("POST", "content")["content"] == XSS
        assert "<script>alert" not in refused
        assert '"/login/?next=/static/notes/pages/pages.css"' in refused
        browser.cookies["access_token"] = self.token.value
        follow(browser, post(browser, refused, self.path))
        assert Note.objects.get().content == XSS

    def test_so_with_a_new_note(self, browser, page):
        path = f"{PAGES}new/"
        fields = {**Forms(page).of("POST", "content"), "content": "typed"}
        refused = page_of(send(browser, path, fields), 401)
        assert Forms(refused).of("POST", "content")["content"] == "typed"

    def test_but_nothing_that_another_site_sent(self, browser, page):
        refused = send(browser, self.path, {"content": "forged", "csrfmiddlewaretoken": "x" * 64})
        assert refused["Location"] == "/login/?next=/notes/"

    def test_a_page_and_a_button_lead_to_the_sign_in_and_back(self, browser, page):
        asked = browser.get(f"{PAGES}?q=a%26b")
        assert asked["Location"] == "/login/?next=/notes/%3Fq%3Da%2526b"
        headers = {"referer": f"http://testserver{self.path}"}
        form = Forms(page).of("POST", "content")
        pressed = send(browser, f"{self.path}archive/", form, **headers)
        assert pressed["Location"] == f"/login/?next={self.path}"
        assert send(browser, f"{self.path}archive/", form)["Location"] == "/login/?next=/notes/"

    def test_no_page_for_who_wants_none(self, browser, page):
        headers = {"accept": "application/json"}
        for answer in (
            browser.get(self.path, headers=headers),
            send(browser, self.path, {}, **headers),
        ):
            assert answer["Content-Type"] == "application/problem+json"


def test_so_what_was_typed_stays(browser, api, settings):
    path = note_path(make(api, content="first"))
    page = page_of(browser.get(path))
    settings.WRITES_PER_MINUTE = 1
    answer = post(browser, page, path, content="typed")
    while answer.status_code == 302:
        answer = post(browser, page_of(browser.get(path)), path, content="typed")
    assert Forms(page_of(answer, 429)).of("POST", "content")["content"] == "typed"
    assert "Not saved: " in answer.content.decode()
    assert answer["Retry-After"]
