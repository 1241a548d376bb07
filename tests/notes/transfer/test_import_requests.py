"""Importing over HTTP: forms, bodies, parameters."""

import gzip
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from rest_framework.test import APIClient

from notes.models import Note
from tests.notes.test_browsable import Forms, page_of, submit
from tests.notes.test_notes import NOTES, errors_of
from tests.notes.transfer.moving import (
    IMPORT,
    body,
    counts,
    lines_of,
    post,
)
from tests.notes.transfer.test_import import NOTE, PROBLEM, detail

pytestmark = pytest.mark.django_db
FIELD = b'Content-Disposition: form-data; name="file"\r\n\r\n' + lines_of(NOTE)
PART = FIELD.replace(b'"file"', b'"file"; filename="a.jsonl"')


def parts(*each):
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in each) + b"--x--\r\n"


class TestForm:
    def test_from_its_page(self, browser, ada):
        page = page_of(browser.get(NOTES))
        for address in (f"{IMPORT}", "/api/v1/notes/export/?format=jsonl"):
            assert f'href="{address}"' in page
        page = page_of(browser.get(IMPORT))
        fields = Forms(page).of("POST", "file")
        assert set(fields) == {"csrfmiddlewaretoken", "file", "dry_run"}
        # As a browser does it where the box is empty.
        del fields["dry_run"]
        fields["file"] = SimpleUploadedFile("mine.jsonl", lines_of(NOTE, {"title": 5}))
        page = page_of(submit(browser, IMPORT, fields))
        assert "mine.jsonl:3" in page
        assert Note.objects.get().title == "Plan"

    def test_a_dry_run_from_its_page(self, browser):
        fields = Forms(page_of(browser.get(IMPORT))).of("POST", "file")
        fields |= {"file": SimpleUploadedFile("mine.jsonl", lines_of(NOTE)), "dry_run": "true"}
        assert "&quot;created&quot;: 1" in page_of(submit(browser, IMPORT, fields))
        assert not Note.objects.exists()

    def test_without_a_csrf_token_nothing_is_taken(self, browser):
        file = SimpleUploadedFile("mine.jsonl", lines_of(NOTE))
        assert submit(browser, IMPORT, {"file": file}).status_code == 403
        assert not Note.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "errors"),
        [
            ({"dry_run": "true"}, {("/file", "required")}),
            ({"file": "text"}, {("/file", "required")}),
        ],
    )
    def test_without_a_file(self, api, fields, errors):
        assert errors_of(api.post(IMPORT, fields, format="multipart")) == errors

    def test_other_fields_are_named(self, api):
        file = SimpleUploadedFile("a.jsonl", lines_of(NOTE))
        response = api.post(IMPORT, {"file": file, "user": "bob"}, format="multipart")
        assert errors_of(response) == {("/user", "unknown")}
        response = api.post(IMPORT, {"file": file, "dry_run": "perhaps"}, format="multipart")
        assert errors_of(response) == {("dry_run", "invalid")}
        files = {name: SimpleUploadedFile("a", lines_of(NOTE)) for name in ("file", "dry_run")}
        assert errors_of(api.post(IMPORT, files, format="multipart")) == {("/dry_run", "unknown")}
        assert not Note.objects.exists()

    def test_a_file_as_text_beside_a_file(self, api):
        form = "multipart/form-data; boundary=x"
        for field in (FIELD, PART.replace(b'filename="a.jsonl"', b'filename=""')):
            response = api.post(IMPORT, parts(PART, field), content_type=form)
            assert errors_of(response) == {("/file", "invalid")}
        assert not Note.objects.exists()

    @pytest.mark.parametrize(
        "fields",
        [
            (PART, PART.replace(b'; name="file"', b"")),
            (PART, b'Content-Disposition: form-data; name="file"; filename="b"'),
            (PART, PART.replace(b'filename="a.jsonl"', b'filename="/"')),
            (PART.replace(b"Plan", b"P--x"),),
        ],
    )
    @pytest.mark.parametrize("size", [1, 64 * 1024])
    def test_a_form_of_which_a_part_would_be_lost(self, api, fields, size, monkeypatch):
        monkeypatch.setattr(FileUploadHandler, "chunk_size", size)
        form = "multipart/form-data; boundary=x"
        for data in (parts(*fields), parts(PART, *fields)[: -len("--x--\r\n")]):
            response = api.post(IMPORT, data, content_type=form)
            assert "a part of it has no name" in detail(response, 400)
        assert counts(json.loads(body(api.post(IMPORT, parts(PART), content_type=form)))) == {
            "created": 1
        }

    @pytest.mark.parametrize(
        ("query", "form"),
        [({"dry_run": "true"}, ["true"]), ({}, ["true", "false"]), ({"dry_run": ""}, ["true"])],
    )
    def test_dry_run_twice(self, api, query, form):
        fields = {"file": SimpleUploadedFile("a.jsonl", lines_of(NOTE)), "dry_run": form}
        response = api.post(IMPORT, fields, format="multipart", query_params=query)
        assert errors_of(response) == {("dry_run", "invalid")}
        assert response.json()["errors"][0]["detail"] == "Give it once."
        assert not Note.objects.exists()

    def test_lines_are_one_file(self, api):
        files = [SimpleUploadedFile(f"{n}.jsonl", lines_of(NOTE)) for n in range(2)]
        assert "one file" in detail(api.post(IMPORT, {"file": files}, format="multipart"), 415)

    @pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "application/jsonl"])
    def test_a_compressed_body_is_not_read_as_it_stands(self, api, kind):
        headers = {"Content-Encoding": "gzip"}
        compressed = gzip.compress(lines_of(NOTE))
        response = api.generic("POST", IMPORT, compressed, content_type=kind, headers=headers)
        assert detail(response, 415).startswith("Content-Encoding: the body is compressed.")
        assert response["Accept-Encoding"] == "identity"

    def test_a_large_one_is_on_the_disk(self, api):
        notes = [{"title": f"{n}", "content": "x" * 100_000} for n in range(40)]
        file = SimpleUploadedFile("a.jsonl", lines_of(*notes))
        report = json.loads(body(api.post(IMPORT, {"file": file}, format="multipart")))
        assert counts(report) == {"created": 40}


@pytest.mark.parametrize(
    ("query", "code"), [({"dry_run": "1"}, "invalid"), ({"x": "1"}, "unknown")]
)
def test_parameters_that_cannot_be_meant(api, query, code):
    response = post(api, lines_of(NOTE), **query)
    assert errors_of(response) == {(next(iter(query)), code)}
    assert not Note.objects.exists()


def test_who_is_not_signed_in_writes_nothing(db):
    response = post(APIClient(), lines_of(NOTE))
    assert response.status_code == 401
    assert response["Content-Type"] == PROBLEM


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/json", "text/html", "", "x"]
)
def test_the_content_type_of_a_body_does_not_matter(api, kind):
    response = api.generic("POST", IMPORT, lines_of(NOTE), content_type=kind)
    assert counts(json.loads(body(response))) == {"created": 1}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("multipart/form-data", lines_of(NOTE)),
        ("multipart/form-data; boundary=x", lines_of(NOTE)),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"'),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=\xe9", lines_of(NOTE)),
    ],
)
def test_forms_that_are_none(api, kind, data):
    response = api.post(IMPORT, data, content_type=kind)
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == PROBLEM
    assert not Note.objects.exists()
