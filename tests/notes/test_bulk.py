"""``POST /notes/bulk/``: an operation is what the request for it alone would be."""

import uuid
from itertools import count
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notes.bulk import LONGEST, Operations
from notes.models import Note, NoteTag
from tests.notes.test_notes import NOTES, errors_of, make, url_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db
BULK = f"{NOTES}bulk/"


def bulk(api, *operations):
    response = api.post(BULK, {"operations": operations})
    assert response.status_code == 200, response.content
    return response.json()["results"]


def test_each_operation_does_what_its_request_does(api):
    notes = [make(api, title="a", content="b", tags=["c"]) for _ in range(5)]
    replaced, changed, deleted, archived, back = notes
    api.post(f"{url_of(back)}archive/")
    results = bulk(
        api,
        {"op": "create", "title": "new", "content": "x", "tags": ["Y", "c"]},
        {"op": "replace", "id": replaced["id"], "title": "r"},
        {"op": "change", "id": changed["id"].upper(), "title": None, "tags": ["d"]},
        {"op": "delete", "id": deleted["id"]},
        {"op": "archive", "id": archived["id"]},
        {"op": "unarchive", "id": back["id"]},
    )
    assert [result["status"] for result in results] == [201, 200, 200, 204, 200, 200]
    assert results[3] == {"status": 204}
    for result in results[:3] + results[4:]:
        read = api.get(url_of(result["body"]))
        assert (read.json(), read["ETag"]) == (result["body"], result["etag"])
    created, replaced, changed, _, archived, back = (result.get("body") for result in results)
    assert (created["title"], created["content"], created["tags"]) == ("new", "x", ["c", "y"])
    assert (replaced["title"], replaced["content"], replaced["tags"]) == ("r", None, [])
    assert (changed["title"], changed["content"], changed["tags"]) == ("Untitled", "b", ["d"])
    assert (archived["is_archived"], back["is_archived"]) == (True, False)
    assert api.get(url_of(deleted)).status_code == 404


def test_the_order_of_what_is_created_is_kept(api):
    titles = [str(number) for number in range(9)]
    results = bulk(api, *({"op": "create", "title": title} for title in titles))
    for order in ("created_at", "updated_at"):
        notes = api.get(NOTES, {"order": order}).json()["results"]
        assert [note["title"] for note in notes] == titles
    assert all(result["body"]["created_at"] == result["body"]["updated_at"] for result in results)


def test_one_that_fails_harms_no_other_and_the_order_is_kept(api, bobs_api):
    mine, theirs, deleted = make(api, title="a"), make(bobs_api, title="b"), make(api)
    api.delete(url_of(deleted))
    tag = api.get(url_of(mine))["ETag"]
    results = bulk(
        api,
        {"op": "create", "title": ""},
        {"op": "change", "id": mine["id"], "title": "1", "if_match": '"x"'},
        {"op": "change", "id": mine["id"], "title": "2", "if_match": tag},
        {"op": "change", "id": theirs["id"], "title": "mine"},
        {"op": "change", "id": deleted["id"], "title": "back"},
        {"op": "change", "id": str(uuid.uuid4()), "title": "none"},
        {"op": "change", "id": mine["id"], "content": "3", "if_match": f'W/{tag}, "x"'},
        {"op": "change", "id": mine["id"], "content": "4", "if_match": "*"},
        "create",
        {"op": "create", "title": "last"},
    )
    statuses = [result["status"] for result in results]
    assert statuses == [400, 412, 200, 404, 404, 404, 412, 200, 400, 201]
    assert all(("problem" in result) is (result["status"] >= 400) for result in results)
    problem = results[0]["problem"]
    assert (problem["title"], problem["instance"]) == ("Bad Request", BULK)
    assert [error["pointer"] for error in problem["errors"]] == ["/operations/0/title"]
    assert results[3] == results[4] == results[5]
    shown = api.get(url_of(mine)).json()
    assert (shown["title"], shown["content"]) == ("2", "4")
    assert Note.objects.filter(title="last").count() == 1
    assert bobs_api.get(url_of(theirs)).json() == theirs


@pytest.mark.parametrize(
    ("operation", "pointer", "code"),
    [
        (5, "", "invalid"),
        (None, "", "invalid"),
        ([], "", "invalid"),
        ({}, "/op", "invalid_choice"),
        ({"op": "purge"}, "/op", "invalid_choice"),
        ({"op": ["create"]}, "/op", "invalid_choice"),
        ({"op": "create", "id": "x"}, "/id", "read_only"),
        ({"op": "create", "if_match": "*"}, "/if_match", "unknown"),
        ({"op": "create", "tags": ["a", 5]}, "/tags/1", "invalid"),
        ({"op": "create", "colour": 1}, "/colour", "unknown"),
        ({"op": "replace"}, "/id", "required"),
        ({"op": "delete", "id": "x"}, "/id", "invalid"),
        ({"op": "delete", "id": 5}, "/id", "invalid"),
        ({"op": "delete", "id": str(uuid.UUID(int=0)), "title": "a"}, "/title", "unknown"),
        ({"op": "delete", "id": str(uuid.UUID(int=0)), "if_match": "x"}, "/if_match", "invalid"),
        ({"op": "archive", "id": str(uuid.UUID(int=0)), "if_match": 5}, "/if_match", "invalid"),
        (
            {"op": "change", "id": str(uuid.UUID(int=0)), "is_archived": 1},
            "/is_archived",
            "read_only",
        ),
    ],
)
def test_what_cannot_be_is_named_by_its_place(api, operation, pointer, code):
    fine, result = bulk(api, {"op": "create"}, operation)
    assert (fine["status"], result["status"]) == (201, 400)
    errors = [(error["pointer"], error["code"]) for error in result["problem"]["errors"]]
    assert errors == [(f"/operations/1{pointer}", code)]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, ("/operations", "required")),
        ({"operations": []}, ("/operations", "min_length")),
        ({"operations": {}}, ("/operations", "not_a_list")),
        ({"operations": None}, ("/operations", "null")),
        ({"operations": [{"op": "create"}] * 101}, ("/operations", "max_length")),
        ({"operations": [{"op": "create"}], "atomic": True}, ("/atomic", "unknown")),
        ([], ("", "invalid")),
    ],
)
def test_what_is_no_list_of_operations_is_refused_whole(api, body, error):
    assert errors_of(api.post(BULK, body)) == {error}
    assert not Note.objects.exists()


def test_too_many_are_refused_before_each_is_looked_at(api, monkeypatch):
    monkeypatch.setattr(Operations, "run_child_validation", None)
    answer = api.post(BULK, {"operations": [{"op": "create"}] * 101})
    assert errors_of(answer) == {("/operations", "max_length")}


@pytest.mark.parametrize("place", ["", "/operations/0"])
def test_of_members_that_there_are_not_the_first_ten_are_named(api, place):
    members = {f"{number:02}": 0 for number in range(20, 0, -1)}
    note_id = str(uuid.UUID(int=0))
    if place:
        (result,) = bulk(api, {"op": "delete", "id": note_id, **members})
        problem = result["problem"]
    else:
        problem = api.post(BULK, {"operations": [{}], **members}).json()
    named = [error["pointer"] for error in problem["errors"]]
    assert named == [f"{place}/{number}" for number in range(20, 10, -1)]


def test_a_hundred_are_taken(api):
    results = bulk(api, *[{"op": "create", "title": str(n)} for n in range(100)])
    assert [result["body"]["title"] for result in results] == [str(n) for n in range(100)]


def test_bodies_come_as_far_as_there_is_room(api, monkeypatch):
    notes = [make(api, title=str(number), content="x" * 1000) for number in range(4)]
    monkeypatch.setattr("notes.bulk.MAX_BODIES", 2500)
    results = bulk(api, *[{"op": "archive", "id": note["id"]} for note in notes])
    assert ["body" in result for result in results] == [True, True, False, False]
    for note, result in zip(notes, results, strict=True):
        read = api.get(url_of(note))
        assert read.json()["is_archived"]
        assert (result["status"], result["etag"]) == (200, read["ETag"])


def test_it_takes_json_alone(api):
    assert api.post(BULK, {"operations": "a"}, format="multipart").status_code == 415


def test_the_queries_of_an_operation_are_as_many_however_many_there_are(api):
    notes = [make(api, tags=["a"]) for _ in range(21)]
    make(api, tags=["b", "c"])

    def count(chosen):
        operations = [
            {"op": "change", "id": note["id"], "title": "x", "tags": ["b", "c"]} for note in chosen
        ]
        with CaptureQueriesContext(connection) as queries:
            assert {result["status"] for result in bulk(api, *operations)} == {200}
        return len(queries)

    few, many = count(notes[:1]), count(notes[1:])
    of_one = (many - few) / 19
    # Savepoint, tags, lock, note, links, what is shown, release.
    assert of_one == 7
    assert few - of_one == 5  # user, savepoint, tags, locks, release


@pytest.mark.django_db(transaction=True)
def test_one_that_the_database_refuses_harms_no_other(sign_in, ada):
    api = sign_in(ada)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notes ADD CONSTRAINT never CHECK (title <> 'x') NOT VALID")
    try:
        results = bulk(api, *[{"op": "create", "title": title} for title in "axb"])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE notes DROP CONSTRAINT never")
    assert [result["status"] for result in results] == [201, 401, 201]
    assert set(Note.objects.values_list("title", flat=True)) == {"a", "b"}


@pytest.mark.django_db(transaction=True)
def test_many_at_once_in_opposite_orders_make_no_deadlock(sign_in, ada):
    clients = [sign_in(ada) for _ in range(8)]
    notes = [make(clients[0], title="a") for _ in range(10)]

    def write(number):
        operations = [
            {"op": "change", "id": note["id"], "title": str(number), "tags": [f"tag {place}"]}
            for place, note in enumerate(notes)
        ]
        operations = operations if number % 2 else operations[::-1]
        return [result["status"] for result in bulk(clients[number], *operations)]

    for statuses in at_once(write, 8):
        assert statuses == [200] * 10
    assert NoteTag.objects.count() == 10
    assert len(set(Note.objects.values_list("title", flat=True))) == 1


def test_what_takes_too_long_is_not_written_and_may_be_sent_again(api, user, monkeypatch):
    operations = {"operations": [{"op": "create"}, {"op": "create"}]}
    key = {"Idempotency-Key": "k"}
    with monkeypatch.context() as patch:
        # Of the second operation it is known that there is no time for it.
        patch.setattr("notes.bulk.time", SimpleNamespace(monotonic=count(0, LONGEST - 1).__next__))
        answer = api.post(BULK, operations, headers=key)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "send fewer" in answer.json()["detail"]
    assert not Note.objects.exists()
    assert api.post(BULK, operations, headers=key).status_code == 200
    assert Note.objects.count() == 2
