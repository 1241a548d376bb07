"""``POST /notes/import/``: what is taken, what is refused and how that is said."""

import io
import json
import re
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from devstack.processes import wait_until
from notes.management.commands.prune_notes import Orphans
from notes.models import Note, NoteTag, NoteVersion, Tag
from tests.notes.test_browsable import Forms, browser, page_of, submit  # noqa: F401
from tests.notes.test_notes import NOTES, errors_of, make, url_of
from tests.notes.transfer.moving import (
    IMPORT,
    body,
    counts,
    export,
    lines_of,
    post,
    stored,
    take,
    zip_of,
)
from tests.plans import buffers, explained, nodes
from tests.threads import at_once, in_thread, wait_until_blocked
from transfer import drafts, formats, importing
from transfer.errors import CannotImport
from transfer.items import Item, note_id
from users.authentication import NoSuchAccount
from users.models import User

pytestmark = pytest.mark.django_db
NOTE = {"title": "Plan", "content": "a", "tags": ["Work"]}
PROBLEM = "application/problem+json"


def taken(user, data):
    """As the command does it, which several may run at once."""
    files = [("upload", io.BytesIO(data))]
    with importing.take(user, files, 10**7, dry_run=False) as report:
        return json.loads(b"".join(report))


def reason(report):
    (line,) = report["report"]
    return line["reason"]


def detail(response, status):
    assert response.status_code == status, getattr(response, "content", response)
    assert response["Content-Type"] == PROBLEM
    assert not Note.objects.exists()
    return response.json()["detail"]


def test_a_note_comes_in_with_its_times(api, ada):
    times = {"created_at": "2020-01-01T01:00:00+01:00", "updated_at": "2021-01-01T00:00:00Z"}
    report = take(api, lines_of({**NOTE, **times, "id": "n1", "is_archived": True}))
    assert (report["format"], report["dry_run"], report["report"]) == ("notes-jsonl", False, [])
    assert counts(report) == {"created": 1}
    note = api.get(f"{NOTES}{note_id(ada.id, 'n1')}/").json()
    assert (note["title"], note["content"], note["tags"]) == ("Plan", "a", ["work"])
    assert note["is_archived"] is True
    assert note["created_at"] == "2020-01-01T00:00:00.000000Z"
    assert note["updated_at"] == "2021-01-01T00:00:00.000000Z"
    assert not NoteVersion.objects.exists()
    # It is found and listed as any other.
    found = api.get(NOTES, {"q": "plan", "tag": "work", "archived": "true"}).json()["results"]
    assert [each["id"] for each in found] == [note["id"]]


class TestNothingTwice:
    def test_what_was_changed_since_stays_and_is_said(self, api, ada):
        data = lines_of(*({**NOTE, "id": f"n{n}"} for n in range(5)))
        assert counts(take(api, data)) == {"created": 5}
        urls = [f"{NOTES}{note_id(ada.id, f'n{n}')}/" for n in range(5)]
        api.patch(urls[0], {"content": "b"})
        api.patch(urls[1], {"tags": []})
        api.post(f"{urls[2]}archive/")
        api.delete(urls[3])
        before = stored(ada)
        report = take(api, data)
        assert counts(report) == {"unchanged": 1, "changed": 4}
        assert [line["source"] for line in report["report"]] == [f"upload:{n}" for n in range(2, 6)]
        assert "trash" in report["report"][3]["reason"]
        assert stored(ada) == before

    def test_the_report_is_in_the_order_of_the_upload(self, api, ada):
        first = {**NOTE, "id": "a"}
        take(api, lines_of(first))
        api.patch(f"{NOTES}{note_id(ada.id, 'a')}/", {"title": "Other"})
        lines = [{"title": 5}, first, {"title": 5}, first, {"title": ""}]
        report = take(api, lines_of(*lines))
        outcomes = [(line["source"][-1], line["outcome"]) for line in report["report"]]
        assert outcomes == [
            *(("2", "refused"), ("3", "changed"), ("4", "refused"), ("5", "refused")),
        ]
        assert counts(report) == {"created": 1, "changed": 1, "refused": 3}

    def test_ones_own_export_changes_nothing(self, api, ada):
        made = make(api, **NOTE)
        data = export(api, "jsonl")
        assert counts(take(api, data)) == {"unchanged": 1}
        api.patch(url_of(made), {"title": "Other"})
        assert counts(take(api, data)) == {"changed": 1}
        assert Note.objects.count() == 1

    def test_an_id_of_anothers_note_is_as_good_as_any(self, api, bobs_api, bob):
        """And nothing tells that it is one."""
        known, unknown = make(api, **NOTE)["id"], str(uuid.uuid4())
        for each in (known, unknown):
            report = take(bobs_api, lines_of({**NOTE, "id": each}))
            assert counts(report) == {"created": 1}
            assert bobs_api.get(f"{NOTES}{each}/").status_code == 404
            assert bobs_api.get(f"{NOTES}{note_id(bob.id, each)}/").status_code == 200

    def test_one_id_twice_in_an_upload(self, api):
        report = take(api, lines_of({**NOTE, "id": "n"}, {**NOTE, "id": "n", "title": "Other"}))
        assert counts(report) == {"created": 1, "refused": 1}
        assert report["report"][0]["source"] == "upload:3"

    def test_without_ids_the_same_line_is_the_same_note(self, api):
        assert counts(take(api, lines_of(NOTE, {"title": "Other"}))) == {"created": 2}
        assert counts(take(api, lines_of({"title": "Other"}, NOTE))) == {"unchanged": 2}


def test_a_dry_run_says_the_same_and_writes_nothing(api, ada):
    make(api, title="there")
    own = json.loads(export(api, "jsonl").splitlines()[1])
    data = lines_of(own, {**own, "title": "x", "id": "a"}, {**NOTE, "id": "a"}, {"title": 5}, NOTE)
    before = stored(ada), Tag.objects.count()
    dry = take(api, data, dry_run="true")
    assert (stored(ada), Tag.objects.count()) == before
    real = take(api, data)
    assert counts(real) == {"created": 2, "unchanged": 1, "refused": 2}
    assert dry == {**real, "dry_run": True}


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ({"title": "x" * 501}, "500 characters"),
        ({"title": "a\0"}, "null character"),
        ({"title": "\ud800"}, "surrogate"),
        ({"title": 5}, "title is of another type"),
        ({"content": "a"}, "title is missing"),
        ({"title": "a", "content": "x" * (1024 * 1024 + 1)}, "1,048,576 bytes"),
        ({"title": "a", "content": "a\0"}, "null character"),
        ({"title": "a", "content": ["a"]}, "content is of another type"),
        (
            {"title": "a", "content": {"type": "doc", "version": 1, "blocks": [{}]}},
            "/blocks/0/type",
        ),
        ({"title": "a", "content": "a", "content_format": "blocks"}, "content_format"),
        ({"title": "a", "tags": ["x" * 101]}, "100 characters"),
        ({"title": "a", "tags": [f"{n}" for n in range(51)]}, "50 tags"),
        ({"title": "a", "tags": [5]}, "no string"),
        ({"title": "a", "created_at": "yesterday"}, "no time"),
        ({"title": "a", "created_at": "0001-01-01T00:00:00+14:00"}, "no time"),
        ({"title": "a", "updated_at": "2999-01-01T00:00:00Z"}, "future"),
        ({"title": "a", "color": "red"}, "no member 'color'"),
        ([], "no object"),
    ],
)
def test_what_no_note_can_be_harms_no_other(api, note, said):
    report = take(api, lines_of({"title": "before"}, note, {"title": "behind"}))
    assert counts(report) == {"created": 2, "refused": 1}
    assert said in reason(report)
    assert report["report"][0]["source"] == "upload:3"
    assert Note.objects.count() == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"title": "a", "title": "b"}', "twice"),
        (b"{", "no valid JSON|not valid JSON"),
        (b'{"title": "\xff"}', "UTF-8"),
        (b"[" * 10_000, "levels"),
        (b'{"title": "' + b"x" * (9 * 1024 * 1024) + b'"}', "8,388,608 bytes"),
        (b'{"title": "a", "content": 1e999}', "another type"),
        (b"", "JSON"),
    ],
)
def test_lines_that_are_none(api, line, said):
    first, second, last = lines_of({"title": "a"}, end=2).splitlines(keepends=True)
    report = take(api, b"".join((first, line + b"\n", second, last)))
    assert counts(report) == {"created": 1, "refused": 1}
    assert re.search(said, reason(report))


def test_line_ends_and_a_byte_order_mark_do_not_matter(api):
    data = b"\xef\xbb\xbf" + lines_of(NOTE).replace(b"\n", b"\r\n").rstrip()
    assert counts(take(api, data)) == {"created": 1}


class TestWholeUploads:
    """Nothing is written, and one line says why."""

    @pytest.mark.parametrize("kept", range(1, 4))
    def test_lines_that_are_cut_off(self, api, kept):
        whole = lines_of(NOTE, NOTE, {"title": "b"})
        data = b"".join(whole.splitlines(keepends=True)[: kept + 1])[:-5]
        assert "cut off" in detail(post(api, data), 422)

    def test_a_line_is_missing(self, api):
        assert "has 1 notes, and its last line says 2" in detail(
            post(api, lines_of(NOTE, end=2)), 422
        )

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"%PDF-1.7", 415),
            (b'{"title": "a"}\n', 415),
            (b'{"format": "notes-jsonl", "version": 2}\n{"end": true, "notes": 0}\n', 415),
            (b"{", 415),
            (b"\x1f\x8b\x08", 415),
            (b"Rar!", 415),
            (zip_of([]), 415),
            (zip_of([("a.txt", "b")]), 415),
            (zip_of([("notes-export.json", '{"format": "notes-markdown", "version": 2}')]), 415),
            (zip_of([("notes-export.json", "\xff")]), 415),
        ],
    )
    def test_what_is_no_export_that_is_read_here(self, api, data, status):
        assert detail(post(api, data), status)

    def test_an_empty_body(self, api):
        response = api.post(IMPORT, b"", content_type="application/zip")
        assert "empty" in detail(response, 400)

    def test_an_upload_above_the_limit(self, api, settings):
        settings.NOTES_IMPORT_MAX_MB = 1
        data = lines_of(*[{"title": "a", "content": "x" * 500_000}] * 3)
        assert "1 MB" in detail(post(api, data), 413)

    def test_one_that_is_too_large_when_it_is_unpacked(self, api, settings):
        settings.NOTES_IMPORT_MAX_MB = 1
        data = zip_of([("notes-export.json", "{}"), ("a.md", b"x" * 11 * 1024 * 1024)])
        assert len(data) < 20_000
        assert "Unpacked" in detail(post(api, data), 413)


MARKER = ("notes-export.json", '{"format": "notes-markdown", "version": 1}')


class TestMarkdown:
    @pytest.mark.parametrize(
        ("file", "title", "content", "tags"),
        [
            ("text", "note", "text", []),
            (
                "---\ntitle: A plan\ntags:\n  - b\n  - A\n---\n\ntext",
                "A plan",
                "\ntext",
                ["a", "b"],
            ),
            ("---\ntitle: 2026-01-01\ntags: a, B\n---\n", "2026-01-01", "", ["a", "b"]),
            ("---\r\ntitle: 'x'\r\n---\r\na\r\n", "x", "a\r\n", []),
            ("---\n---\n---\n", "note", "---\n", []),
            ("--- a\ntitle: b\n---\n", "note", "--- a\ntitle: b\n---\n", []),
            ("---\ntitle: a\ncontent: null\n---\n", "a", None, []),
            ("---\ntitle: a\ncontent: null\n---\nwritten since", "a", "written since", []),
            ("---\ntitle: a\nmood: {x: [1]}\n---\nb", "a", "b", []),
            ("\ufefftext", "note", "text", []),
        ],
    )
    def test_a_file_that_somebody_has_written(self, api, file, title, content, tags):
        assert counts(take(api, zip_of([MARKER, ("notes/note.md", file)]))) == {"created": 1}
        note = Note.objects.get()
        assert (note.title, note.content) == (title, content)
        assert sorted(tag.name for tag in note.tags.all()) == tags

    @pytest.mark.parametrize(
        ("name", "file", "said"),
        [
            ("a.md", "---\ntitle: [a\n---\n", "no YAML in line 3"),
            ("a.md", "---\n- a\n---\n", "no list of names"),
            ("a.md", "---\ntitle: [a]\n---\n", "title in its front matter"),
            ("a.md", "---\ntags: {a: b}\n---\n", "tags in its front matter"),
            ("a.md", "---\nis_archived: perhaps\n---\n", "true or false"),
            ("a.md", "---\ncreated_at: soon\n---\n", "no time"),
            ("a.md", f"---\nx: {'[' * 5000}\n---\n", "no YAML"),
            ("a.md", f"---\nx: {'a' * 70_000}\n---\n", "65,536 characters"),
            ("a.md", b"caf\xe9", "no UTF-8: byte 3"),
            ("a.md", b"x" * (9 * 1024 * 1024), "8,388,608 bytes"),
            ("a.md", "x" * (1024 * 1024 + 1), "1,048,576 bytes"),
            ("image.png", b"\x89PNG", "no Markdown"),
        ],
    )
    def test_files_that_cannot_be_taken(self, api, name, file, said):
        report = take(api, zip_of([MARKER, (f"notes/{name}", file), ("notes/good.md", "x")]))
        assert counts(report) == {"created": 1, "refused": 1}
        assert report["report"][0]["source"] == f"notes/{name}"
        assert said in reason(report)


@pytest.mark.parametrize("names", [("{}.md", MARKER), ("{}.md",), ("{0} " + "{0}" * 32 + ".md",)])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_path_that_is_there_twice_the_last_one_is_taken_and_that_is_said(api, names):
    form, *marker = names
    files = [(form.format(name), text) for name, text in ("a1", "b3", "a0", "a2")]
    report = take(api, zip_of([*marker, *files]))
    assert counts(report) == {"created": 2, "refused": 1}
    assert report["report"][0]["source"] == form.format("a")
    assert "The last of them counts" in reason(report)
    assert dict(Note.objects.values_list("title", "content")) == {"a": "2", "b": "3"}


class TestForm:
    def test_from_its_page(self, browser, ada):  # noqa: F811
        page = page_of(browser.get(NOTES))
        for address in (f"{IMPORT}", "/api/v1/notes/export/?format=jsonl"):
            assert f'href="{address}"' in page
        page = page_of(browser.get(IMPORT), 405)
        fields = Forms(page).of("POST", "file")
        assert set(fields) == {"csrfmiddlewaretoken", "file", "dry_run"}
        # As a browser does it where the box is empty.
        del fields["dry_run"]
        fields["file"] = SimpleUploadedFile("mine.jsonl", lines_of(NOTE, {"title": 5}))
        page = page_of(submit(browser, IMPORT, fields))
        assert "mine.jsonl:3" in page
        assert Note.objects.get().title == "Plan"

    def test_a_dry_run_from_its_page(self, browser):  # noqa: F811
        fields = Forms(page_of(browser.get(IMPORT), 405)).of("POST", "file")
        fields |= {"file": SimpleUploadedFile("mine.jsonl", lines_of(NOTE)), "dry_run": "true"}
        assert "&quot;created&quot;: 1" in page_of(submit(browser, IMPORT, fields))
        assert not Note.objects.exists()

    def test_without_a_csrf_token_nothing_is_taken(self, browser):  # noqa: F811
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
        assert not Note.objects.exists()

    def test_lines_are_one_file(self, api):
        files = [SimpleUploadedFile(f"{n}.jsonl", lines_of(NOTE)) for n in range(2)]
        assert "one file" in detail(api.post(IMPORT, {"file": files}, format="multipart"), 415)

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


def test_what_the_database_refuses_harms_no_other(api, monkeypatch):
    """As of a future constraint: the checks before it know nothing of that."""
    monkeypatch.setattr(drafts, "MAX_TITLE", 1000)
    report = take(api, lines_of(NOTE, {"title": "x" * 501}, {"title": "b", "tags": ["a"]}))
    assert counts(report) == {"created": 2, "refused": 1}
    assert Note.objects.count() == 2


def test_batches_are_small_in_notes_and_in_bytes(api, monkeypatch):
    sizes = []
    create = importing._create
    monkeypatch.setattr(importing, "BATCH", 3)
    monkeypatch.setattr(importing, "BATCH_BYTES", 100)
    monkeypatch.setattr(
        importing, "_create", lambda user, new: sizes.append(len(new)) or create(user, new)
    )
    contents = ["a"] * 4 + ["x" * 90, "x" * 90, "x" * 200, "a"]
    notes = [{"title": f"{n}", "content": content} for n, content in enumerate(contents)]
    assert counts(take(api, lines_of(*notes))) == {"created": 8}
    assert sizes == [3, 2, 1, 1, 1]


def test_an_item_of_tomorrow_is_of_a_clock_that_differs(api):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert counts(take(api, lines_of({"title": "a", "updated_at": soon}))) == {"created": 1}


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


def test_a_user_who_is_gone(db):
    user = User(id=uuid.uuid4(), username="gone")
    files = [("a.jsonl", io.BytesIO(lines_of(NOTE, {"title": "b"})))]
    with pytest.raises(NoSuchAccount):
        importing.take(user, files, 1000, dry_run=False)


def test_what_is_here_is_found_by_its_id_alone(api, ada):
    data = lines_of(*({"title": f"{n}"} for n in range(3000)))
    take(api, data)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notes")
    with explained() as plans:
        assert counts(take(api, data, dry_run="true")) == {"unchanged": 3000}
    of_notes = [
        (plan, node)
        for plan in plans
        for node in nodes(plan)
        if node.get("Relation Name") == "notes"
    ]
    assert len(of_notes) == 3000 / importing.BATCH
    for plan, _ in of_notes:
        assert buffers(plan) <= 4 * importing.BATCH, plan


@pytest.mark.django_db(transaction=True)
def test_imports_at_once_make_each_note_once(user):
    notes = [{"title": f"{n}", "tags": [f"t{n % 7}", f"u{n % 11}"]} for n in range(500)]
    reports = at_once(lambda _: counts(taken(user, lines_of(*notes))), 4)
    assert sum(report.get("created", 0) for report in reports) == 500
    assert all(sum(report.values()) == 500 for report in reports), reports
    assert Note.objects.count() == 500
    assert NoteTag.objects.count() == 1000


@pytest.mark.django_db(transaction=True)
def test_two_imports_in_opposite_order_do_not_wait_for_each_other(user):
    keys = {note_id(user.id, f"{n}"): f"{n}" for n in range(9)}
    in_order = sorted(keys)
    uploads = [
        lines_of(*({"title": "a", "id": keys[each]} for each in in_order[::step]))
        for step in (1, -1)
    ]
    with transaction.atomic():
        # Here both come to a stop, with what they have made until then.
        Note.objects.create(id=in_order[4], user=user)
        imports = [in_thread(partial(taken, user, upload)) for upload in uploads]
        assert wait_until(lambda: _waiting() == 2, 20, every=0.01)
        transaction.set_rollback(True)
    reports = [each.result(60) for each in imports]
    assert sorted(report["created"] for report in reports) == [0, 9]
    assert sorted(report["unchanged"] for report in reports) == [0, 9]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.django_db(transaction=True)
def test_what_another_import_makes_meanwhile_is_there(user, count):
    upload = lines_of(*({"title": f"{n}", "id": f"{n}"} for n in range(count)))
    with transaction.atomic():
        assert counts(taken(user, upload.replace(b'"2"', b'"x"'))) == {"created": count}
        second = in_thread(lambda: counts(taken(user, upload)))
        wait_until_blocked()
    assert second.result(20) == {1: {"unchanged": 1}, 3: {"created": 1, "unchanged": 2}}[count]


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_is_collected_meanwhile_is_made_again(user):
    Tag.objects.create(name="a")
    with transaction.atomic():
        assert sum(Orphans().delete()) == 1
        report = in_thread(lambda: counts(taken(user, lines_of({"title": "b", "tags": ["a"]}))))
        wait_until_blocked()
    assert report.result(20) == {"created": 1}
    assert [tag.name for tag in Note.objects.get().tags.all()] == ["a"]


def _waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


JSON_LINES = lines_of({**NOTE, "id": "a", "created_at": "2026-11-22T09:15:02Z"}, {"title": "b"})
FILES = [
    *("---\n", 'title: "Plan"\n', "tags: [a, b]\n", "content: null\n", "is_archived: true\n"),
    *(
        "blocks: blocks/a.json\n",
        "content_format: blocks\n",
        "markdown_sha256: a\n",
        "text",
        "\r\n",
    ),
    *("created_at: 2026-01-01\n", "- a\n", "? ", "&a ", "*a ", "!!python/name:os ", "{", "[", "\0"),
]


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=6), st.integers(0, 4))),
    st.lists(st.sampled_from(FILES)).map("".join),
)
@settings(max_examples=400, deadline=None)
def test_whatever_an_upload_holds_it_is_an_item_or_refused(changes, file):
    data = bytearray(JSON_LINES)
    for place, new, old in changes:
        start = place % (len(data) or 1)
        data[start : start + old] = new
    for upload in (bytes(data), zip_of([MARKER, ("notes/a.md", file), ("blocks/a.json", "{}")])):
        user_id = uuid.uuid4()
        try:
            with formats.opened([("a", io.BytesIO(upload))], 10**6, str) as (_, items):
                for item in items:
                    if isinstance(item, Item):
                        with suppress(drafts.Unfit):
                            drafts.draft_of(user_id, item)
        except CannotImport:
            continue
