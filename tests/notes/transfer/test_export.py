"""``GET /notes/export/``: how it is asked for, how much it reads, how a broken one looks."""

import json
import tracemalloc
import uuid

import pytest
from django.db import DataError, connection, transaction

from notes.models import Note
from tests.notes.test_notes import errors_of, make
from tests.notes.transfer.moving import EXPORT, FORMATS, body, export
from tests.plans import buffers, explained, nodes
from transfer import export as pages
from transfer import jsonl, markdown
from users.models import User

pytestmark = pytest.mark.django_db
LINES, ZIP = "application/jsonl", "application/zip"


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ({"format": "jsonl"}, "application/json", LINES),
        ({"format": "markdown"}, "text/html", ZIP),
        ({}, "*/*", LINES),
        ({}, "text/html,application/xhtml+xml,*/*;q=0.8", LINES),
        ({}, ZIP, ZIP),
        ({"format": ""}, LINES, LINES),
    ],
)
def test_the_parameter_or_accept_chooses(api, query, accept, kind):
    response = api.get(EXPORT, query, headers={"accept": accept})
    assert body(response)
    assert response["Content-Type"] == kind
    name = "notes.jsonl" if kind == LINES else "notes.zip"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"format": "pdf"}, {("format", "invalid")}),
        ({"format": ["jsonl", "markdown"]}, {("format", "invalid")}),
        ({"archived": "true", "format": "jsonl"}, {("archived", "unknown")}),
        ({"cursor": "x", "format": "markdown"}, {("cursor", "unknown")}),
    ],
)
def test_what_cannot_be_meant_is_named(api, query, errors):
    assert errors_of(api.get(EXPORT, query)) == errors


def test_other_errors_are_problems(api, client):
    for accept in ("application/json", "application/pdf"):
        response = api.get(EXPORT, headers={"accept": accept})
        assert response.status_code == 406
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["detail"] == (
            "Accept application/jsonl (jsonl) or application/zip (markdown), or give the parameter"
            " format."
        )
    response = client.get(EXPORT)
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert api.post(EXPORT, query_params={"format": "jsonl"}).status_code == 405


def test_a_browser_without_a_token_is_sent_to_sign_in_and_back(client):
    response = client.get(EXPORT, {"format": "markdown"}, headers={"accept": "text/html,*/*"})
    assert response.status_code == 302
    back = f"{EXPORT}?format=markdown".replace("?", "%3F").replace("=", "%3D")
    assert response["Location"] == f"/login/?next={back}"
    response = client.get(EXPORT, {"format": "markdown"}, headers={"accept": "*/*"})
    assert response.status_code == 401


def test_head_reads_no_note(api, django_assert_num_queries):
    make(api)
    with django_assert_num_queries(1):  # who is signed in
        response = api.head(EXPORT, {"format": "jsonl"})
    assert (response.status_code, response["Content-Type"]) == (200, LINES)
    assert b"".join(response.streaming_content) == b""


def test_others_notes_are_not_in_it(api, bobs_api):
    make(api, title="mine")
    make(bobs_api, title="his")
    for form in FORMATS:
        assert b"his" not in export(api, form)


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_cuts_the_transfer(api, monkeypatch, form):
    """The server ends the connection where the iterator raises; what came has no end of its own."""
    monkeypatch.setattr(pages, "PAGE", 2)
    for _ in range(5):
        make(api)
    response = api.get(EXPORT, {"format": form})
    pieces = iter(response.streaming_content)
    came = [next(pieces) for _ in range(2)]
    monkeypatch.setattr(pages, "PAGE", "no number")
    with pytest.raises(DataError), transaction.atomic():
        came.extend(pieces)
    assert b'"end"' not in b"".join(came)
    assert b"PK\5\6" not in b"".join(came)


def test_notes_that_are_written_meanwhile_move_none_of_the_others(api, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    ids = {make(api, title=f"{n}")["id"] for n in range(9)}
    owner = Note.objects.first().user_id
    found = []
    for page in pages.pages_as_json(owner):
        found += page
        # Changed, archived and new ones, before and behind where it is.
        Note.objects.filter(user=owner).update(title="changed", is_archived=True)
        Note.objects.create(user_id=owner, title="new")
        if len(found) > 100:
            break
    came = [note.split('"')[3] for note in found]
    assert len(came) == len(set(came))
    assert ids <= set(came)


class TestManyNotes:
    COUNT = 8000

    @pytest.fixture
    def owner(self, db):
        """A user with many notes among others."""
        users = [User(id=uuid.uuid4(), username=name) for name in ("ada", "bob")]
        User.objects.bulk_create(users)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE notes DISABLE TRIGGER notes_index_new_text")
            for user in users:
                cursor.execute(
                    "INSERT INTO notes (user_id, title, content, is_archived)"
                    " SELECT %s, 'note ' || n, repeat('word ', 20), n %% 3 = 0"
                    " FROM generate_series(1, %s) AS n",
                    [user.pk, self.COUNT],
                )
            cursor.execute("ALTER TABLE notes ENABLE TRIGGER notes_index_new_text")
        return users[0].pk

    @pytest.mark.parametrize("known", [True, False])
    def test_a_page_reads_its_notes_alone(self, owner, known):
        """Whether the planner knows of them or not yet."""
        if known:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE notes")
        with explained() as plans:
            count = sum(map(len, pages.pages_as_json(owner)))
        assert count == self.COUNT
        assert len(plans) == self.COUNT / pages.PAGE + 1
        for plan in plans:
            # Each note is a row and a row of an index; the tags of each are looked up.
            assert buffers(plan) <= 6 * pages.PAGE, plan
            for node in nodes(plan):
                if node.get("Relation Name") == "notes":
                    assert node["Index Name"] == "notes_trash", plan
                    assert node["Actual Rows"] <= pages.PAGE, plan

    def test_memory_does_not_grow_with_the_notes(self, owner):
        for write in (jsonl.write, markdown.write):
            peaks = []
            for notes in (self.COUNT // 8, self.COUNT):
                ids = Note.objects.filter(user=owner).order_by("id").values("id")[notes:]
                Note.objects.filter(id__in=list(ids.values_list("id", flat=True))).update(
                    deleted_at="2026-11-22T09:15:02Z"
                )
                tracemalloc.start()
                for _ in write(owner):
                    pass
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
                Note.objects.update(deleted_at=None)
            assert peaks[1] < 1.2 * peaks[0], peaks

    def test_a_page_of_large_notes_is_short(self, owner, monkeypatch):
        monkeypatch.setattr(pages, "PAGE_BYTES", 1000)
        sizes = [len(page) for page in pages.pages_as_json(owner)]
        assert sum(sizes) == self.COUNT
        # Ten notes have 100 characters each before the eleventh.
        assert set(sizes[:-1]) == {10}

    def test_a_note_without_content_ends_no_page_too_late(self, owner, monkeypatch):
        """The next page begins after the last note of the one before."""
        monkeypatch.setattr(pages, "PAGE_BYTES", 1000)
        ids = Note.objects.filter(user=owner).order_by("id").values_list("id", flat=True)
        Note.objects.filter(id__in=list(ids)[7::15]).update(content=None)
        exported = [json.loads(note)["id"] for page in pages.pages_as_json(owner) for note in page]
        assert exported == [str(note_id) for note_id in ids]
