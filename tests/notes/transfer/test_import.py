"""``POST /notes/import/``: what is taken, what is refused and how that is said."""

import io
import json
import re
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from notes.models import Note, NoteVersion, Tag
from tests.notes.test_notes import NOTES, make
from tests.notes.transfer.moving import (
    IMPORT,
    counts,
    export,
    lines_of,
    post,
    stored,
    take,
    zip_of,
)
from transfer import drafts, formats, importing
from transfer.errors import CannotImport
from transfer.items import Item, note_id
from users.authentication import NoSuchAccount
from users.models import User

pytestmark = pytest.mark.django_db
NOTE = {"title": "Plan", "content": "a", "tags": ["Work"]}
PROBLEM = "application/problem+json"


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


def test_notes_without_times_keep_their_order(api):
    titles = [str(number) for number in range(9)]
    assert counts(take(api, lines_of(*({"title": title} for title in titles)))) == {"created": 9}
    for order in ("created_at", "updated_at"):
        notes = api.get(NOTES, {"order": order}).json()["results"]
        assert [note["title"] for note in notes] == titles


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
        ({"title": ""}, "blank"),
        ({"title": " \t\u3000"}, "blank"),
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
    "title",
    [
        *(
            "",
            " ",
            "\u2028\x85",
            "\ufeff",
            "\u200b",
            "a",
            " a ",
            "\n\ta b\u3000",
            "\ufeffa",
            "a\0",
            "\ud800",
        ),
        *("x" * 500, "x" * 501, f" {'x' * 500} ", f" {'x' * 501} "),
    ],
)
def test_a_title_is_what_it_is_to_the_api(api, title):
    made = api.post(NOTES, json.dumps({"title": title}), content_type="application/json")
    assert made.status_code in (201, 400)
    report = take(api, lines_of({"title": title}))
    if made.status_code == 400:
        assert counts(report) == {"refused": 1}
        return
    trimmed = made.json()["title"]
    assert counts(report) == ({"created": 1} if title == trimmed else {"created": 1, "lost": 1})
    assert [note.title for note in Note.objects.all()] == [trimmed] * 2
    if title != trimmed:
        assert reason(report) == "White space around its title is left out."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"title": "a", "title": "b"}', "twice"),
        (b"{", "no valid JSON|not valid JSON"),
        (b'{"title": "\xff"}', "UTF-8"),
        (b"[" * 10_000, "levels"),
        (b'{"title": "' + b"x" * (9 * 1024 * 1024) + b'"}', "8,388,608 bytes"),
        (b'{"title": "a", "content": 1e999}', "another type"),
    ],
)
def test_lines_that_are_none(api, line, said):
    first, second, last = lines_of({"title": "a"}, end=2).splitlines(keepends=True)
    report = take(api, b"".join((first, line + b"\n", second, last)))
    assert counts(report) == {"created": 1, "refused": 1}
    assert re.search(said, reason(report))


def test_blank_lines_do_not_matter_and_are_counted(api):
    first, *notes, last = lines_of(NOTE, {"title": 5}, end=2).splitlines(keepends=True)
    data = b"\n".join((first, notes[0] + b" \r\n", notes[1], last)) + b"\n \n"
    report = take(api, data)
    assert counts(report) == {"created": 1, "refused": 1}
    assert report["report"][0]["source"] == "upload:6"


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


def test_what_the_database_refuses_harms_no_other(api, monkeypatch):
    """As of a future constraint: the checks before it know nothing of that."""
    monkeypatch.setattr(drafts, "MAX_TITLE", 1000)
    report = take(api, lines_of(NOTE, {"title": "x" * 501}, {"title": "b", "tags": ["a"]}))
    assert counts(report) == {"created": 2, "refused": 1}
    assert Note.objects.count() == 2


def test_batches_are_small_in_notes_and_in_bytes(api, monkeypatch):
    sizes = []
    create = importing._create
    monkeypatch.setattr(importing, "BATCH_NOTES", 3)
    monkeypatch.setattr(importing, "BATCH_BYTES", 100)
    monkeypatch.setattr(
        importing, "_create", lambda user, new: sizes.append(len(new)) or create(user, new)
    )
    contents = ["a"] * 4 + ["x" * 90, "x" * 90, "x" * 200, "a", "한" * 20, "한" * 20, "a"]
    notes = [{"title": f"{n}", "content": content} for n, content in enumerate(contents)]
    notes[-1]["title"] = "題" * 30
    assert counts(take(api, lines_of(*notes))) == {"created": 11}
    assert sizes == [3, 2, 1, 1, 2, 1, 1]


# As where a statement takes longer than it may.
CANCEL = """
CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) > 2 OR bool_or(title = 'slow') FROM new) THEN
        RAISE EXCEPTION USING ERRCODE = 'query_canceled';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER cancel AFTER INSERT ON notes REFERENCING NEW TABLE AS new
    FOR EACH STATEMENT EXECUTE FUNCTION cancel();
"""


def test_notes_that_take_too_long_at_once_come_in_smaller_batches(api):
    with connection.cursor() as cursor:
        cursor.execute(CANCEL)
    notes = [{"title": f"{n}"} for n in range(7)]
    assert counts(take(api, lines_of(*notes))) == {"created": 7}
    response = post(api, lines_of({"title": "a"}, {"title": "slow"}, {"title": "b"}))
    assert response.status_code == 503
    assert "New notes written: 1. Send the same again" in response.json()["detail"]
    assert set(Note.objects.values_list("title", flat=True)) == {"a", *"0123456"}


def test_an_item_of_tomorrow_is_of_a_clock_that_differs(api):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert counts(take(api, lines_of({"title": "a", "updated_at": soon}))) == {"created": 1}


def test_a_user_who_is_gone(db):
    user = User(id=uuid.uuid4(), username="gone")
    files = [("a.jsonl", io.BytesIO(lines_of(NOTE, {"title": "b"})))]
    with pytest.raises(NoSuchAccount):
        importing.take(user, files, 1000, dry_run=False)


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
        try:
            with formats.opened([("a", io.BytesIO(upload))], 10**6) as opened:
                for item in opened.read(str):
                    if isinstance(item, Item):
                        with suppress(drafts.Unfit):
                            drafts.draft_of(item, lambda _: uuid.uuid4())
        except CannotImport:
            continue
