"""The notes pages as a browser without scripts uses them: links, forms, what comes back."""

import re
from dataclasses import replace
from io import BytesIO
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from config.limits import WINDOW
from notes.models import Note
from tests.notes.test_browsable import Forms, page_of
from tests.notes.test_notes import FORM, make

pytestmark = pytest.mark.django_db

PAGES = "/notes/"
XSS = "</textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def send(browser, path, fields, **headers):
    """As a browser sends a form."""
    if "file" in fields:
        return browser.post(path, fields, format="multipart", headers=headers)
    return browser.post(path, urlencode(fields), content_type=FORM, headers=headers)


def post(browser, page, path, **fields):
    """Fills in the form of the page that goes to this address, and sends it."""
    (form,) = [form for method, to, form in Forms(page).found if (method, to) == ("POST", path)]
    return send(browser, path, {**form, **fields})


def follow(browser, response):
    assert response.status_code == 302, response.content
    return page_of(browser.get(response["Location"]))


def note_path(note):
    return f"{PAGES}{note['id']}/"


def write(browser, **fields):
    response = post(browser, page_of(browser.get(f"{PAGES}new/")), f"{PAGES}new/", **fields)
    return response["Location"], follow(browser, response)


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


@pytest.mark.parametrize(
    "path", ["new/", "{}", "{}archive/", "{}unarchive/", "{}trash/", "trash/", "import/"]
)
def test_a_write_needs_the_forms_token(browser, api, path):
    note = make(api, title="Before")
    path = PAGES + path.format(f"{note['id']}/")
    assert send(browser, path, {"title": "Forged", "file": ""}).status_code == 403
    assert [each.title for each in Note.objects.all()] == ["Before"]
    assert not Note.objects.get().is_archived


def test_archive_and_back(browser, api):
    path = note_path(make(api, title="Old"))
    page = page_of(browser.get(path))
    page = follow(browser, post(browser, page, f"{path}archive/"))
    assert "Old" not in page_of(browser.get(PAGES))
    assert "Old" in page_of(browser.get(f"{PAGES}?archived=true"))
    follow(browser, post(browser, page, f"{path}unarchive/"))
    assert "Old" in page_of(browser.get(PAGES))


def test_trash_restore_and_delete(browser, api):
    for title in ("One", "Two", "Three"):
        note = make(api, title=title)
        page = page_of(browser.get(note_path(note)))
        page = follow(browser, post(browser, page, f"{note_path(note)}trash/"))
    trash = f"{PAGES}trash/"
    path = f"{trash}{note['id']}/"
    page = follow(browser, post(browser, page, f"{path}restore/"))
    assert Note.objects.get(deleted_at=None).title == "Three"
    page = follow(browser, post(browser, page, f"{note_path(note)}trash/"))
    page = follow(browser, post(browser, page, f"{path}delete/"))
    assert "Three" not in page
    assert "Two" in page
    assert "It is empty." in follow(browser, post(browser, page, trash))
    assert not Note.objects.exists()


def test_history_and_back(browser, api):
    note = make(api, title="First", content="one", tags=["a"])
    path = note_path(note)
    api.put(f"/api/v1{path}", {"title": "Second", "content": "two"})
    history = page_of(browser.get(f"{path}history/"))
    assert "First" in history
    version = page_of(browser.get(f"{path}history/1/"))
    assert "one" in version
    page = follow(browser, post(browser, version, f"{path}history/1/"))
    fields = Forms(page).of("POST", "content")
    assert (fields["title"], fields["content"], fields["tags"]) == ("First", "one", "a")
    assert "Second" in page_of(browser.get(f"{path}history/"))


def test_search_and_tags(browser, api):
    make(api, title="<b>apple</b> pie", content="an apple <i>", tags=["red", "a&b"])
    make(api, title="pear", tags=["red"])
    page = page_of(browser.get(PAGES, {"q": "apple"}))
    assert "&lt;b&gt;<mark>apple</mark>&lt;/b&gt; pie" in page
    assert "pear" not in page
    both = page_of(browser.get(PAGES, {"tag": "red"}))
    assert "pear" in both
    assert 'href="?tag=red&amp;tag=a%26b"' in both
    assert 'href="?tag="' not in both
    one = page_of(browser.get(PAGES, {"tag": ["red", "a&b"]}))
    assert "pear" not in one
    assert Forms(one).of("GET", "q")["tag"] == "a&b"
    assert "Nothing found." in page_of(browser.get(PAGES, {"q": "cherry"}))


@pytest.mark.parametrize("query", [{"q": "-"}, {"tag": "."}, {"cursor": "x"}, {"nope": "1"}])
def test_what_cannot_be_asked_is_said_on_the_page(browser, query):
    page = page_of(browser.get(PAGES, query), 400)
    assert 'class="error"' in page
    if "q" in query:
        assert Forms(page).of("GET", "q")["q"] == "-"


def test_pages_of_lists(browser, api):
    for number in range(25):
        make(api, title=f"Note {number}")
    page = page_of(browser.get(PAGES))
    first = re.findall(r">(Note \d+)<", page)
    more = re.search(r'href="([^"]+)" rel="next"', page)[1].replace("&amp;", "&")
    rest = re.findall(r">(Note \d+)<", page_of(browser.get(more)))
    assert (len(first), len(rest)) == (20, 5)
    assert len({*first, *rest}) == 25


def test_nothing_of_another_is_shown(browser, bobs_api):
    note = make(bobs_api, title="Bob's", tags=["secret"])
    page = page_of(browser.get(PAGES))
    assert "Bob" not in page
    assert "secret" not in page
    path = note_path(note)
    for each in (path, f"{path}history/", f"{path}history/1/", f"{PAGES}trash/{note['id']}/"):
        assert "Bob" not in page_of(browser.get(each), 404)
    form = Forms(page_of(browser.get(f"{PAGES}new/"))).of("POST", "content")
    for action in ("", "archive/", "unarchive/", "trash/", "history/1/"):
        assert "Bob" not in page_of(send(browser, path + action, form), 404)
    page_of(send(browser, f"{PAGES}trash/{note['id']}/restore/", form), 404)
    send(browser, f"{PAGES}trash/{note['id']}/delete/", form)
    assert Note.objects.get().title == "Bob's"


def test_import(browser):
    path = f"{PAGES}import/"
    page = page_of(browser.get(path))
    assert page_of(post(browser, page, path, file=""), 400).count("Give a file.") == 2


def test_an_export_is_imported(browser, api):
    make(api, title="Kept")
    exported = b"".join(api.get("/api/v1/notes/export/?format=jsonl").streaming_content)
    assert "1 now" in page_of(browser.get(f"{PAGES}export/"))
    path = f"{PAGES}import/"
    page = page_of(browser.get(path))

    def send(data, **fields):
        file = BytesIO(data)
        file.name = "notes.jsonl"
        return post(browser, page, path, file=file, **{"dry_run": "", **fields})

    done = page_of(send(exported))
    assert "<dt>Here already</dt><dd>1</dd>" in done
    Note.objects.all().delete()
    assert "What would be done" in page_of(send(exported, dry_run="true"))
    assert not Note.objects.exists()
    page_of(send(exported))
    assert Note.objects.get().title == "Kept"
    broken = page_of(send(b"neither this nor that"), 415)
    assert 'id="file-errors" class="error">' in broken


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
