"""Notes in the trash: deleted for everything but the trash itself."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notes import write
from notes.models import Note, NoteTag, NoteVersion
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, assert_not_found, errors_of, make, url_of
from tests.plans import explained, nodes
from tests.threads import at_once, in_thread, wait_until_blocked

pytestmark = pytest.mark.django_db
TRASH = "/api/v1/trash/"


def delete(api, note):
    assert api.delete(url_of(note)).status_code == 204
    return note


def place(note, path=""):
    return f"{TRASH}{note['id']}/{path}"


def listed(api, query=""):
    answer = api.get(f"{TRASH}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestReading:
    def test_a_deleted_note_is_in_the_trash_and_nowhere_else(self, api):
        kept, gone = make(api, tags=["a"]), make(api, title="g", content="c\n", tags=["a", "b"])
        delete(api, gone)
        (summary,) = listed(api)["results"]
        shown = api.get(place(gone)).json()
        assert shown == {
            **gone,
            "updated_at": shown["updated_at"],
            "deleted_at": shown["deleted_at"],
        }
        assert list(summary) == [
            *("id", "title", "excerpt", "content_format", "is_archived", "tags"),
            *("created_at", "updated_at", "deleted_at"),
        ]
        assert summary["deleted_at"] == shown["deleted_at"] >= gone["updated_at"]
        assert [note["id"] for note in api.get(f"{NOTES}?archived=any").json()["results"]] == [
            kept["id"]
        ]
        assert api.get(TAGS).json()["results"] == [{"name": "a", "count": 1}]
        assert_not_found(api.get(f"{TAGS}b/"))
        assert_not_found(api.get(place(kept)))

    def test_the_last_deleted_comes_first_in_pages(self, api):
        notes = [make(api) for _ in range(5)]
        order = [notes[place] for place in (2, 0, 4, 1, 3)]
        for number, note in enumerate(order):
            delete(api, note)
            # As of a transaction each.
            deleted_at = timezone.now() + timedelta(seconds=number)
            Note.objects.filter(pk=note["id"]).update(deleted_at=deleted_at)
        url, found = "?limit=2", []
        while url:
            page = listed(api, "?" + url.partition("?")[2])
            found += [note["id"] for note in page["results"]]
            url = page["next"]
        assert found == [note["id"] for note in order[::-1]]
        page = listed(api, "?" + page["previous"].partition("?")[2])
        assert [note["id"] for note in page["results"]] == found[2:4]

    def test_an_entity_tag(self, api):
        note = delete(api, make(api))
        tag = api.get(place(note))["ETag"]
        assert api.get(place(note), headers={"if-none-match": tag}).status_code == 304

    @pytest.mark.parametrize("query", ["limit=0", "cursor=x", "q=a", "archived=any"])
    def test_what_it_cannot_be_asked(self, api, query):
        ((name, _),) = errors_of(api.get(f"{TRASH}?{query}"))
        assert name == query.partition("=")[0]

    def test_a_cursor_of_the_list_of_notes_is_none_of_the_trash(self, api):
        for _ in range(2):
            make(api)
        cursor = api.get(f"{NOTES}?limit=1").json()["next"].partition("?")[2]
        assert {name for name, _ in errors_of(api.get(f"{TRASH}?{cursor}"))} == {"cursor"}

    def test_it_takes_so_many_queries(self, api, django_assert_num_queries):
        for _ in range(5):
            note = delete(api, make(api, tags=["a", "b"]))
        for url in (TRASH, place(note)):
            with django_assert_num_queries(2):  # user, what is shown
                api.get(url)

    def test_a_page_reads_an_index_and_sorts_nothing(self, api, ada):
        api.get(TRASH)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, deleted_at)"
                " SELECT %s, now() - n * interval '1 s' FROM generate_series(1, 5000) AS n",
                [ada.id],
            )
            cursor.execute("ANALYZE notes")
        url = TRASH
        for _ in range(3):
            with explained() as plans:
                url = api.get(url).json()["next"]
            (scan,) = [node for node in nodes(plans[-1]) if "Index Name" in node]
            assert (scan["Index Name"], scan["Scan Direction"]) == ("notes_trash", "Backward")
            assert scan["Actual Rows"] == 21
            assert not any("Sort" in node["Node Type"] for node in nodes(plans[-1]))

    @pytest.mark.parametrize(
        ("method", "path"), [("get", ""), ("delete", ""), ("post", "restore/")]
    )
    def test_not_mine_living_and_not_existing_are_the_same(self, api, bobs_api, method, path):
        theirs, living = delete(bobs_api, make(bobs_api)), make(api)
        bodies = []
        for note in (theirs, living, {"id": uuid.uuid4()}):
            answer = getattr(api, method)(place(note, path))
            assert_not_found(answer)
            bodies.append((answer.json()["detail"], sorted(answer.headers)))
        assert bodies[0] == bodies[1] == bodies[2]
        assert listed(api)["results"] == []
        assert len(listed(bobs_api)["results"]) == 1
        assert Note.objects.count() == 2


class TestRestoring:
    def test_the_note_is_back_as_it_was(self, api):
        note = make(api, title="a", content="b", tags=["x"])
        note = api.post(f"{url_of(note)}archive/").json()
        delete(api, note)
        answer = api.post(place(note, "restore/"))
        restored = answer.json()
        assert restored == {**note, "updated_at": restored["updated_at"]}
        assert api.get(url_of(note)).json() == restored
        assert answer["ETag"] == api.get(url_of(note))["ETag"]
        assert_not_found(api.get(place(note)))
        assert_not_found(api.post(place(note, "restore/")))

    def test_its_versions_come_with_it(self, api):
        note = make(api, title="a")
        api.patch(url_of(note), {"title": "b"})
        delete(api, note)
        assert_not_found(api.get(f"{url_of(note)}versions/"))
        api.post(place(note, "restore/"))
        assert len(api.get(f"{url_of(note)}versions/").json()["results"]) == 1

    @pytest.mark.parametrize(("method", "path"), [("delete", ""), ("post", "restore/")])
    def test_if_match_is_honoured(self, api, method, path):
        note = delete(api, make(api))
        tag = api.get(place(note))["ETag"]

        def send(text):
            return getattr(api, method)(place(note, path), headers={"if-match": text}).status_code

        assert (send('"x"'), send("x")) == (412, 400)
        assert listed(api)["results"]
        assert send(tag) in (200, 204)
        assert not listed(api)["results"]

    @pytest.mark.django_db(transaction=True)
    def test_restored_and_deleted_for_good_at_once_it_is_one_of_both(self, sign_in, ada):
        clients = [sign_in(ada) for _ in range(2)]
        for _ in range(5):
            note = delete(clients[0], make(clients[0]))

            def end(number, note=note):
                if number:
                    return clients[1].post(place(note, "restore/")).status_code
                return clients[0].delete(place(note)).status_code

            statuses = at_once(end, 2)
            assert statuses in ([204, 404], [404, 200])
            there = clients[0].get(url_of(note)).status_code == 200
            assert there is (statuses == [404, 200])


class TestDeletingForGood:
    def test_one(self, api):
        note, other = make(api, title="a", tags=["x"]), delete(api, make(api))
        api.patch(url_of(note), {"title": "b"})
        delete(api, note)
        answer = api.delete(place(note))
        assert (answer.status_code, answer.content) == (204, b"")
        assert_not_found(api.delete(place(note)))
        assert_not_found(api.post(place(note, "restore/")))
        assert not NoteTag.objects.exists()
        assert not NoteVersion.objects.exists()
        assert [each["id"] for each in listed(api)["results"]] == [other["id"]]

    def test_all_of_ones_own_in_batches(self, api, bobs_api, monkeypatch):
        monkeypatch.setattr(write, "BATCH", 2)
        living = make(api)
        delete(bobs_api, make(bobs_api))
        for _ in range(5):
            delete(api, make(api, tags=["a"]))
        assert api.delete(TRASH).status_code == 204
        assert listed(api)["results"] == []
        assert api.delete(TRASH).status_code == 204
        assert api.get(url_of(living)).status_code == 200
        assert len(listed(bobs_api)["results"]) == 1

    def test_where_time_is_up_it_says_so_and_goes_on_when_it_is_sent_again(self, api, monkeypatch):
        monkeypatch.setattr(write, "LONGEST", -1)
        monkeypatch.setattr(write, "BATCH", 2)
        for _ in range(5):
            delete(api, make(api))
        for left in (3, 1):
            answer = api.delete(TRASH)
            assert (answer.status_code, answer["Retry-After"]) == (503, "5")
            assert answer.json()["detail"].startswith(
                "2 notes are deleted, and others are not yet."
            )
            assert len(listed(api)["results"]) == left
        assert api.delete(TRASH).status_code == 204
        assert listed(api)["results"] == []

    def test_deleting_a_user_takes_the_trash(self, api, ada):
        delete(api, make(api, tags=["a"]))
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM users WHERE id = %s", [ada.id])
        assert not Note.objects.exists()
        assert not NoteTag.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_emptying_locks_in_the_order_of_ids(sign_in, ada):
    """As whoever else changes several notes."""
    api = sign_in(ada)
    first, *_, last = notes = sorted((make(api) for _ in range(3)), key=lambda note: note["id"])
    for note in reversed(notes):
        delete(api, note)
    with transaction.atomic():
        Note.trash.select_for_update().get(pk=first["id"])
        emptied = in_thread(lambda: api.delete(TRASH))
        wait_until_blocked()
        Note.trash.select_for_update(nowait=True).get(pk=last["id"])
    assert emptied.result(20).status_code == 204
    assert listed(api)["results"] == []


@pytest.mark.django_db(transaction=True)
def test_emptied_twice_at_once_it_is_empty(sign_in, ada, monkeypatch):
    monkeypatch.setattr(write, "BATCH", 2)
    clients = [sign_in(ada) for _ in range(2)]
    for _ in range(9):
        delete(clients[0], make(clients[0], tags=["a"]))
    answers = at_once(lambda number: clients[number].delete(TRASH), 2)
    assert [answer.status_code for answer in answers] == [204, 204]
    assert listed(clients[0])["results"] == []
