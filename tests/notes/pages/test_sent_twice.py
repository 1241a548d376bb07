"""A form that comes twice, as from a double click where no script runs, does its work once."""

import re

import pytest

from notes.models import IdempotencyKey, Note
from tests.notes.pages.forms import PAGES, follow, note_path, post, send
from tests.notes.test_browsable import Forms, page_of
from tests.notes.test_notes import make

pytestmark = pytest.mark.django_db

NEW = f"{PAGES}new/"


@pytest.fixture
def form(browser):
    """A new note's, filled in."""
    fields = Forms(page_of(browser.get(NEW))).of("POST", "content")
    return {**fields, "title": "Once", "content": "first", "tags": "a, b"}


def titles():
    return sorted(Note.objects.values_list("title", flat=True))


def test_a_form_makes_one_note(browser, form):
    first, second = (send(browser, NEW, form) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert "Once" in follow(browser, second)
    assert titles() == ["Once"]


def test_each_form_makes_its_own(browser, form):
    send(browser, NEW, form)
    key = Forms(page_of(browser.get(NEW))).of("POST", "content")["key"]
    send(browser, NEW, {**form, "key": key})
    assert titles() == ["Once", "Once"]


def test_one_that_was_refused_is_sent_again(browser, form):
    refused = page_of(send(browser, NEW, {**form, "tags": "x" * 101}), 400)
    assert Forms(refused).of("POST", "content")["key"] == form["key"]
    follow(browser, post(browser, refused, NEW, tags="x"))
    assert titles() == ["Once"]


def test_with_another_text_it_writes_over_nothing(browser, form):
    """Gone back to, or typed on where the answer got lost."""
    path = send(browser, NEW, form)["Location"]
    page = page_of(send(browser, NEW, {**form, "content": "second"}), 412)
    assert "has made a note already" in page
    assert Note.objects.get().content == "first"
    assert re.search("<pre[^>]*>first</pre>", page)
    fields = Forms(page).of("POST", "content")
    assert fields["content"] == "second"
    # Either way out is a button of the form.
    follow(browser, post(browser, page, path))
    assert Note.objects.get().content == "second"
    assert f'form="editor" formaction="{NEW}"' in page
    follow(browser, send(browser, NEW, {**fields, "title": "Twice"}))
    assert titles() == ["Once", "Twice"]


def test_the_note_is_in_the_trash_by_then(browser, form, api):
    path = send(browser, NEW, form)["Location"]
    api.delete(f"/api/v1{path}")
    page = page_of(send(browser, NEW, {**form, "content": "second"}), 404)
    follow(browser, post(browser, page, NEW))
    assert Note.objects.get(deleted_at=None).content == "second"


def test_of_what_else_the_key_was_for_nothing_is_shown(browser, form, api):
    operations = [{"op": "create", "title": "Of a program"}]
    headers = {"Idempotency-Key": form["key"]}
    answer = api.post("/api/v1/notes/bulk/", {"operations": operations}, headers=headers)
    assert answer.status_code == 200, answer.content
    assert IdempotencyKey.objects.get().key == form["key"]
    page = page_of(send(browser, NEW, form), 404)
    follow(browser, post(browser, page, NEW))
    assert "Once" in titles()


@pytest.mark.parametrize("key", ["é", "x" * 256])
def test_no_key_of_this_form(browser, form, key):
    page = page_of(send(browser, NEW, {**form, "key": key}), 400)
    assert Forms(page).of("POST", "content")["content"] == "first"
    assert titles() == []


def test_buttons_that_are_pressed_twice(browser, api):
    note = make(api, title="One")
    path, trashed = note_path(note), f"{PAGES}trash/{note['id']}/"
    fields = Forms(page_of(browser.get(path))).of("POST", "content")
    actions = ["archive/", "unarchive/", "trash/"]
    pressed = [path + action for action in actions]
    for each in [*pressed, f"{trashed}restore/", pressed[-1], f"{trashed}delete/"]:
        once, again = (send(browser, each, fields) for _ in range(2))
        assert once["Location"] == again["Location"]
        page_of(browser.get(once["Location"]))
    assert titles() == []
