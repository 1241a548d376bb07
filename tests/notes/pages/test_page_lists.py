"""The lists of the notes pages and their buttons: archive, trash, history, search."""

import html
import re

import pytest

from notes.models import Note
from tests.notes.pages.forms import PAGES, follow, note_path, post, send
from tests.notes.test_browsable import Forms, page_of
from tests.notes.test_notes import make

pytestmark = pytest.mark.django_db


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


def test_what_only_the_archive_has_is_a_link_away(browser, api):
    note = make(api, title="Old", tags=["red"])
    api.post(f"/api/v1{note_path(note)}archive/")
    page = page_of(browser.get(PAGES, {"tag": "red"}))
    assert "Nothing found." in page
    (link,) = re.findall(r'href="([^"]+)">Look in the archive', page)
    assert "Old" in page_of(browser.get(PAGES + html.unescape(link)))


def test_a_tag_beyond_those_that_are_shown_is_asked_for(browser, api):
    for start in (0, 50, 100):
        make(api, title=f"From {start}", tags=[f"tag {n:03}" for n in range(start, start + 50)])
    page = page_of(browser.get(PAGES, {"q": "from", "tag": "tag 100"}))
    assert "These are the first 10" in page
    (fields,) = [each for method, _, each in Forms(page).found if each.get("tag") == ""]
    found = page_of(browser.get(PAGES, {"q": fields["q"], "tag": ["tag 100", "tag 149"]}))
    assert "From</mark> 100" in found


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
