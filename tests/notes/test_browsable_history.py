"""Trash, former states, several at once and block documents from their pages."""

import json
import re

import pytest

from notes.models import Note
from tests.notes.test_browsable import Forms, page_of, script_token, submit
from tests.notes.test_notes import NOTES, make, url_of

pytestmark = pytest.mark.django_db


def button(page, method, path):
    """The fields of a form of the page that sends this."""
    return next(
        fields
        for m, where, fields in Forms(page).found
        if m == method and (where or "").removeprefix("http://testserver") == path
    )


def test_a_deleted_note_is_restored_and_deleted_for_good_from_its_pages(browser, api):
    note = make(api, title="Plan")
    trash, trashed = "/api/v1/trash/", f"/api/v1/trash/{note['id']}/"
    assert f'href="{trash}"' in page_of(browser.get(NOTES))
    api.delete(url_of(note))
    assert "Plan" in page_of(browser.get(trash))
    page = page_of(browser.get(trashed))
    page_of(submit(browser, f"{trashed}restore/", button(page, "POST", f"{trashed}restore/")))
    assert api.get(url_of(note)).status_code == 200

    api.delete(url_of(note))
    page = page_of(browser.get(trashed))
    assert button(page, "DELETE", trashed) is not None
    headers = {"x-csrftoken": script_token(page)}
    assert "HTTP 204 No Content" in page_of(browser.delete(trashed, headers=headers))
    assert not Note.objects.exists()

    api.delete(url_of(make(api)))
    page = page_of(browser.get(trash))
    assert button(page, "DELETE", trash) is not None
    page_of(browser.delete(trash, headers={"x-csrftoken": script_token(page)}))
    assert not Note.objects.exists()


def test_a_former_state_is_restored_from_its_page(browser, api):
    note = make(api, title="first", tags=["a"])
    api.patch(url_of(note), {"title": "second"})
    versions = f"{url_of(note)}versions/"
    assert f'href="{versions}"' in page_of(browser.get(url_of(note)))
    assert "first" in page_of(browser.get(versions))
    page = page_of(browser.get(f"{versions}1/"))
    url = f"{versions}1/restore/"
    page_of(submit(browser, url, button(page, "POST", url)))
    assert api.get(url_of(note)).json()["title"] == "first"


def test_several_are_written_from_the_raw_form(browser, api):
    bulk = f"{NOTES}bulk/"
    assert f'href="{bulk}"' in page_of(browser.get(NOTES))
    page = page_of(browser.get(bulk))
    raw = Forms(page).of("POST", "_content")["_content"]
    assert json.loads(raw) == {"operations": []}
    body = '{"operations": [{"op": "create", "title": "by hand"}]}'
    headers = {"x-csrftoken": script_token(page)}
    page_of(browser.post(bulk, body, content_type="application/json", headers=headers))
    assert Note.objects.get().title == "by hand"


def test_query_counts_of_versions_and_trash_do_not_grow(browser, api, django_assert_num_queries):
    note = make(api, title="0", tags=["a", "b"])
    for number in range(1, 6):
        api.patch(url_of(note), {"title": str(number)})
        api.delete(url_of(trashed := make(api, tags=["a", str(number)])))
    versions = f"{url_of(note)}versions/"
    for url, queries in (
        (versions, 3),  # user, note, versions
        (f"{versions}1/", 2),
        ("/api/v1/trash/", 2),
        (f"/api/v1/trash/{trashed['id']}/", 2),
    ):
        with django_assert_num_queries(queries):
            page_of(browser.get(url))


def test_a_block_document_is_written_and_changed_from_its_pages(browser):
    fields = Forms(page_of(browser.get(NOTES))).of("POST", "title")
    fields |= {
        "title": "t",
        "content_format": "blocks",
        "content": '{"type": "doc",\r\n"blocks": 1}',
    }
    page = page_of(submit(browser, NOTES, {**fields}), 400)
    assert "/blocks Give a list." in page
    assert "/version This member is required." in page
    form = Forms(page).of("POST", "title")
    assert form["content"] == '{"type": "doc",\n"blocks": 1}'
    for wrong in ("", "{", "[]", '{"type": "doc", "type": "doc"}', "text"):
        page_of(submit(browser, NOTES, {**fields, "content": wrong}), 400)
    assert not Note.objects.exists()
    text = '{"type": "doc", "version": 1, "blocks": [{"type": "code", "code": "<é>\\r\\n"}]}'
    page_of(submit(browser, NOTES, {**fields, "content": text}), 201)
    note = Note.objects.get()
    assert (json.loads(note.content), note.content_format) == (json.loads(text), "blocks")

    url = f"{NOTES}{note.id}/"
    page = page_of(browser.get(url))
    form = Forms(page).of("PUT", "title")
    assert json.loads(form["content"]) == json.loads(text)
    assert re.search('<option value="blocks" selected *>', page)
    form |= {"csrfmiddlewaretoken": script_token(page), "content_format": "blocks"}
    page_of(submit(browser, url, form, "put"))
    assert Note.objects.get().content == note.content
    raw = json.loads(Forms(page).of("PUT", "_content")["_content"])
    assert raw == {"title": "t", "content": json.loads(text), "tags": []}
