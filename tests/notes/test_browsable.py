"""Every endpoint from its page, as a browser uses it: the cookie, forms, CSRF tokens."""

import json
import re
from html.parser import HTMLParser

import pytest

from notes.models import Note
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, make, url_of

pytestmark = pytest.mark.django_db


class Forms(HTMLParser):
    """The forms of a page by method and action, each with the values of its fields."""

    def __init__(self, page):
        super().__init__()
        self.found, self._fields, self._area = [], None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            method = values.get("data-method") or values.get("method", "get")
            self._fields = {}
            self.found.append((method.upper(), values.get("action"), self._fields))
        elif self._fields is not None and values.get("name"):
            if tag == "input":
                self._fields[values["name"]] = values.get("value", "")
            elif tag == "textarea":
                self._area = values["name"]
                self._fields[self._area] = ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._fields = None
        elif tag == "textarea":
            # As browsers read it: HTML, section 4.10.11.
            self._fields[self._area] = self._fields[self._area].removeprefix("\n")
            self._area = None

    def handle_data(self, data):
        if self._area:
            self._fields[self._area] += data

    def of(self, method, field):
        return next(f for m, _, f in self.found if m == method and field in f)


def page_of(response, status=200):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "text/html; charset=utf-8"
    return response.content.decode()


def submit(browser, url, fields, method="post"):
    """As the page does it: PUT and DELETE go by script, with the token in a header."""
    if method == "post":
        return browser.post(url, fields, format="multipart")
    headers = {"x-csrftoken": fields.pop("csrfmiddlewaretoken")}
    return getattr(browser, method)(url, fields, format="multipart", headers=headers)


def script_token(page):
    return re.search(r'"csrfToken": "(\w+)"', page)[1]


def test_a_note_is_written_read_and_changed_from_its_pages(browser):
    fields = Forms(page_of(browser.get(NOTES))).of("POST", "title")
    assert set(fields) == {"csrfmiddlewaretoken", "title", "content", "tags"}
    fields |= {"title": "Plan", "content": "a\r\nb", "tags": 'Work, home , "x, y",'}
    page_of(submit(browser, NOTES, fields), 201)
    note = Note.objects.get()
    assert note.content == "a\nb"
    assert sorted(tag.name for tag in note.tags.all()) == ["home", "work", "x, y"]

    url = f"{NOTES}{note.id}/"
    page = page_of(browser.get(url))
    fields = Forms(page).of("PUT", "title")
    assert fields == {"title": "Plan", "content": "a\nb", "tags": 'home, work, "x, y"'}
    fields["csrfmiddlewaretoken"] = script_token(page)
    page_of(submit(browser, url, fields | {"title": "Plan B"}, "put"))
    note.refresh_from_db()
    assert note.title == "Plan B"
    assert sorted(tag.name for tag in note.tags.all()) == ["home", "work", "x, y"]

    page = page_of(browser.delete(url, headers={"x-csrftoken": script_token(page)}))
    assert "HTTP 204 No Content" in page
    note.refresh_from_db()
    assert note.deleted_at


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ('"a ""b"", c", d', ['a "b", c', "d"]),
        ('a "b', ['a "b']),
        ('"a, b', ["a, b"]),
        ("a\r\nb", ["a b"]),
        ("a" * 200_000, None),
    ],
)
def test_tags_from_one_line(api, line, names):
    response = api.post(NOTES, {"tags": line}, format="multipart")
    assert response.status_code == (400 if names is None else 201)
    assert response.json().get("tags") == names


def test_an_empty_form_is_a_note_with_the_defaults(browser):
    fields = Forms(page_of(browser.get(NOTES))).of("POST", "title")
    page_of(submit(browser, NOTES, fields), 201)
    note = Note.objects.get()
    assert (note.title, note.content, note.tags.count()) == ("Untitled", "", 0)


def test_a_form_with_errors_comes_back_with_what_was_typed(browser):
    fields = Forms(page_of(browser.get(NOTES))).of("POST", "title")
    fields |= {"title": "t" * 501, "content": "kept", "tags": "a, b"}
    page = page_of(submit(browser, NOTES, fields), 400)
    assert "Ensure this field has no more than 500 characters." in page
    fields = Forms(page).of("POST", "title")
    assert (fields["title"], fields["content"], fields["tags"]) == ("t" * 501, "kept", "a, b")


def test_without_the_csrf_token_nothing_is_written(browser):
    fields = Forms(page_of(browser.get(NOTES))).of("POST", "title")
    del fields["csrfmiddlewaretoken"]
    page_of(submit(browser, NOTES, fields), 403)
    assert not Note.objects.exists()


def test_archiving_from_the_page_of_the_note(browser, api):
    note = make(api)
    page = page_of(browser.get(url_of(note)))
    for action, archived in (("archive", True), ("unarchive", False)):
        url = f"http://testserver{url_of(note)}{action}/"
        # There is nothing to get, so no link.
        assert f'href="{url}"' not in page
        form = next(fields for m, where, fields in Forms(page).found if (m, where) == ("POST", url))
        page = page_of(submit(browser, url, form))
        assert Note.objects.get().is_archived is archived


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_raw_form_of_a_note_is_taken_as_it_is(browser, api, method):
    note = make(api, title="Plan", content="a", tags=["x"])
    page = page_of(browser.get(url_of(note)))
    raw = Forms(page).of("PUT", "_content")["_content"].lstrip("\n")
    assert json.loads(raw) == {"title": "Plan", "content": "a", "tags": ["x"]}
    headers = {"x-csrftoken": script_token(page)}
    response = browser.generic(
        method.upper(), url_of(note), raw, content_type="application/json", headers=headers
    )
    page_of(response)


def test_pages_filters_and_tags_have_links_and_forms(browser, api):
    for number in range(3):
        make(api, title=f"Note {number}", tags=[f"tag {number}"])
    page = page_of(browser.get(f"{NOTES}?limit=1&archived=any&tag="))
    assert "cursor=" in page
    form = Forms(page).of("GET", "tag")
    assert form["limit"] == "1"
    assert '<option value="any" selected>' in page
    asked = {"order": "-title", "tag": ["tag 1", "tag 2"], "tag_match": "any"}
    page = page_of(browser.get(NOTES, {**asked, "updated_before": "2100-01-01T00:00:00Z"}))
    assert page.index("Note 2") < page.index("Note 1")
    assert "Note 0" not in page
    assert Forms(page).of("GET", "tag")["updated_before"] == "2100-01-01T00:00:00Z"
    assert '<option value="-title" selected>' in page
    assert page.count('name="tag"') == 3  # and one for another
    page = page_of(browser.get(f"{TAGS}?limit=1&prefix=tag"))
    assert Forms(page).of("GET", "prefix") == {"prefix": "tag"}
    assert "cursor=" in page
    page_of(browser.get(f"{TAGS}tag%201/"))


def test_a_tag_is_renamed_and_taken_off_from_its_page(browser, api):
    note = make(api, tags=["a", "b"])
    page = page_of(browser.get(f"{TAGS}a/"))
    assert Forms(page).of("PATCH", "name") == {"name": "a"}
    raw = Forms(page).of("PATCH", "_content")["_content"]
    assert json.loads(raw) == {"name": "a"}
    dry_run = f"{TAGS}a/?dry_run=true"
    assert f'href="{dry_run}"' in page
    send = {"content_type": "application/json", "headers": {"x-csrftoken": script_token(page)}}
    renamed = raw.replace('"a"', '"c"')
    change = "&quot;name&quot;: &quot;{}&quot;,\n  &quot;notes&quot;: 1"
    assert change.format("c") in page_of(browser.patch(dry_run, renamed, **send))
    assert change.format("a") in page_of(browser.delete(dry_run, **send))
    assert api.get(url_of(note)).json()["tags"] == ["a", "b"]
    assert change.format("c") in page_of(browser.patch(f"{TAGS}a/", renamed, **send))
    assert change.format("b") in page_of(browser.delete(f"{TAGS}b/", **send))
    assert api.get(url_of(note)).json()["tags"] == ["c"]
    page_of(browser.patch(f"{TAGS}c/", raw.replace("a", "."), **send), 400)
    page_of(browser.delete(f"{TAGS}b/", **send), 404)


@pytest.mark.parametrize("path", [f"{NOTES}?limit=x", f"{NOTES}?cursor=x", f"{TAGS}?x=1"])
def test_errors_are_pages_too(browser, path):
    page_of(browser.get(path), 400)


def test_what_is_not_there_is_a_page_too(browser):
    page_of(browser.get(f"{NOTES}00000000-0000-4000-8000-000000000000/"), 404)
    page_of(browser.get(f"{NOTES}abc/"), 404)
    page_of(browser.get(f"{TAGS}none/"), 404)


def test_signing_out_is_a_form_to_users_project_with_its_csrf_token(browser):
    found = Forms(page_of(browser.get(NOTES))).found
    assert ("POST", "/logout/", {"csrfmiddlewaretoken": "u" * 32}) in found


def test_text_is_shown_as_text(browser, api):
    note = make(api, title="<script>alert(1)</script>", content="</textarea><b>", tags=["<i>"])
    for url in (NOTES, url_of(note), TAGS):
        page = page_of(browser.get(url))
        assert "<script>alert" not in page
        assert "</textarea><b>" not in page
        assert "<i>" not in page


def test_query_counts_do_not_grow(browser, api, bobs_api, django_assert_num_queries):
    for number in range(25):
        note = make(api, tags=[f"tag {number}", "shared"])
        make(bobs_api, tags=[f"secret {number}"])
    for url in (NOTES, f"{NOTES}?limit=1", url_of(note), TAGS, f"{TAGS}shared/"):
        with django_assert_num_queries(2):  # user, what is shown
            assert "secret" not in page_of(browser.get(url))


@pytest.mark.parametrize(
    "content", ["\n\nlead", "", "\n", " a\n", "a\r\nb\r\n", "a\rb", "a\nb\r\n", None]
)
def test_a_form_that_is_sent_as_it_came_changes_no_letter(browser, api, content):
    path = f"{NOTES}{make(api, content=content)['id']}/"
    page = page_of(browser.get(path))
    form = Forms(page).of("PUT", "content")
    assert form["content"] == (content or "")
    form |= {"title": "Another", "content": as_a_browser_sends(form["content"])}
    submit(browser, path, form | {"csrfmiddlewaretoken": script_token(page)}, "put")
    assert api.get(path).json()["content"] == content
    form["content"] = as_a_browser_sends(f"{content or 'a'} b")
    submit(browser, path, form | {"csrfmiddlewaretoken": script_token(page)}, "put")
    assert api.get(path).json()["content"] == form["content"].replace("\r\n", "\n")


def as_a_browser_sends(text):
    """HTML, "textarea": its value has newlines alone, and is sent with CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def test_searching_from_the_page_of_the_list(browser, api, django_assert_num_queries):
    for number in range(25):
        make(api, title=f"<b>apple</b> {number}", content="<script>apple</script>")
    form = Forms(page_of(browser.get(NOTES))).of("GET", "q")
    assert form["q"] == ""
    for limit in (1, 25):
        with django_assert_num_queries(3):  # user, hits, page
            page = page_of(browser.get(NOTES, {**form, "q": "apple", "limit": limit}))
    assert "highlights" in page
    assert "<script>apple" not in page
    assert "<b>apple" not in page
    assert Forms(page).of("GET", "q")["q"] == "apple"
    page_of(browser.get(NOTES, {"q": "-"}), 400)
