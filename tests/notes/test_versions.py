"""Former states of a note: kept by the database, read and restored by the API."""

import json
import uuid

import pytest
from django.db import connection

from notes.models import Note, NoteVersion
from tests.notes.test_notes import assert_not_found, errors_of, make, url_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db
SHOWN = ("number", "title", "tags", "updated_at", "replaced_at")


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def versions_of(note):
    return f"{url_of(note)}versions/"


def listed(api, note):
    answer = api.get(versions_of(note))
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def kept():
    """Title, content and tags of each former state, the first first."""
    return list(NoteVersion.objects.order_by("number").values_list("title", "content", "tags"))


class TestKeeping:
    def test_every_change_keeps_the_former_state(self, api):
        note = make(api, title="a", content="b", tags=["y", "x"])
        assert kept() == []
        api.patch(url_of(note), {"title": "c"})
        api.patch(url_of(note), {"content": None})
        api.patch(url_of(note), {"tags": ["z"]})
        api.put(url_of(note), {"title": "d", "tags": []})
        assert kept() == [
            ("a", "b", ["x", "y"]),
            ("c", "b", ["x", "y"]),
            ("c", None, ["x", "y"]),
            ("c", None, ["z"]),
        ]
        assert [each["number"] for each in listed(api, note)] == [4, 3, 2, 1]

    def test_what_changes_nothing_of_it_keeps_nothing(self, api):
        note = make(api, title="a", content="b", tags=["x"])
        for _ in range(2):
            api.put(url_of(note), {"title": "a", "content": "b", "tags": ["X"]})
            api.post(f"{url_of(note)}archive/")
            api.patch(url_of(note), {})
            api.delete(url_of(note))
            api.post(f"/api/v1/trash/{note['id']}/restore/")
        assert kept() == []

    @pytest.mark.parametrize(
        ("statement", "state"),
        [
            ("UPDATE notes SET title = 'b'", ("a", "c", ["x"])),
            ("UPDATE notes SET content = 'b'", ("a", "c", ["x"])),
            ("UPDATE notes SET content = NULL, title = 'b'", ("a", "c", ["x"])),
            ("UPDATE notes SET version = version + 1", ("a", "c", ["x"])),
            ("UPDATE notes SET title = 'a', content = 'c'", None),
            ("UPDATE notes SET is_archived = true", None),
            ("UPDATE notes SET deleted_at = now()", None),
        ],
    )
    def test_a_change_by_hand_too(self, api, statement, state):
        make(api, title="a", content="c", tags=["x"])
        sql(statement)
        assert kept() == ([state] if state else [])
        assert Note.objects.get().version == (2 if state else 1)

    def test_the_number_never_goes_back(self, api):
        make(api, title="a")
        sql("UPDATE notes SET title = 'b', version = 17")
        sql("UPDATE notes SET version = 1")
        assert Note.objects.get().version == 3
        assert [title for title, *_ in kept()] == ["a", "b"]

    def test_the_last_hundred_stay_and_before_them_one_of_ten_minutes(self, api):
        make(api, title="0")
        sql(
            "DO $$ BEGIN FOR n IN 1..299 LOOP"
            " UPDATE note_versions SET replaced_at = replaced_at - interval '1 minute';"
            " UPDATE notes SET title = n; END LOOP; END $$"
        )
        assert [int(title) for title, *_ in kept()] == [*range(0, 199, 10), *range(199, 299)]

    def test_however_often_a_note_is_changed_its_states_are_bounded(self, api):
        make(api, title="0")
        sql("DO $$ BEGIN FOR n IN 1..1000 LOOP UPDATE notes SET title = n; END LOOP; END $$")
        assert [int(title) for title, *_ in kept()] == [0, *range(900, 1000)]

    def test_the_times_say_how_long_it_was_so(self, api):
        note = make(api, title="a")
        changed = api.patch(url_of(note), {"title": "b"}).json()
        api.patch(url_of(note), {"title": "c"})
        second, first = listed(api, note)
        assert first["updated_at"] == note["updated_at"]
        assert second["updated_at"] == changed["updated_at"]
        assert first["replaced_at"] <= second["replaced_at"]

    def test_they_go_with_the_note_and_with_the_user(self, api, ada):
        for statement in ("DELETE FROM notes", "DELETE FROM users"):
            api.patch(url_of(make(api, title="a")), {"title": "b"})
            assert kept()
            sql(statement)
            assert not kept()

    @pytest.mark.django_db(transaction=True)
    def test_of_writers_at_once_none_loses_a_state(self, sign_in, ada):
        clients = [sign_in(ada) for _ in range(8)]
        note = make(clients[0], title="start", tags=["start"])

        def write(number):
            fields = {"title": f"by {number}"} if number % 2 else {"tags": [f"by {number}"]}
            return clients[number].patch(url_of(note), fields).json()

        states = [(s["title"], s["tags"]) for s in at_once(write, 8)]
        last = clients[0].get(url_of(note)).json()
        found = [(title, tags) for title, _, tags in kept()]
        assert found[0] == ("start", ["start"])
        assert sorted([*found[1:], (last["title"], last["tags"])]) == sorted(states)


class TestReading:
    def test_a_list_without_and_one_with_its_content(self, api):
        note = make(api, title="a", content="b\n", tags=["x"])
        api.patch(url_of(note), {"title": "c", "tags": []})
        (summary,) = listed(api, note)
        assert tuple(summary) == SHOWN
        answer = api.get(f"{versions_of(note)}1/")
        assert answer.json() == {**summary, "content": "b\n", "content_format": "text"}
        assert (summary["title"], summary["tags"]) == ("a", ["x"])

    def test_pages(self, api):
        note = make(api, title="0")
        for number in range(1, 8):
            api.patch(url_of(note), {"title": str(number)})
        url, found = f"{versions_of(note)}?limit=3", []
        while url:
            page = api.get(url).json()
            found.append([each["number"] for each in page["results"]])
            url = page["next"]
        assert found == [[7, 6, 5], [4, 3, 2], [1]]
        page = api.get(page["previous"]).json()
        assert [each["number"] for each in page["results"]] == [4, 3, 2]

    @pytest.mark.parametrize("query", ["limit=0", "limit=-1", "cursor=x", "q=a", "archived=any"])
    def test_what_it_cannot_be_asked(self, api, query):
        note = make(api)
        ((name, _),) = errors_of(api.get(f"{versions_of(note)}?{query}"))
        assert name == query.partition("=")[0]

    def test_it_takes_so_many_queries(self, api, django_assert_num_queries):
        note = make(api, title="a", tags=["x", "y"])
        for number in range(5):
            api.patch(url_of(note), {"title": str(number)})
        with django_assert_num_queries(3):  # user, note, versions
            listed(api, note)
        with django_assert_num_queries(2):  # user, version
            api.get(f"{versions_of(note)}1/")

    @pytest.mark.parametrize("number", ["2", "0", "01", "-1", "x", "9" * 10, "9" * 11, "9" * 5000])
    def test_a_number_that_is_not_there(self, api, number):
        note = make(api, title="a")
        api.patch(url_of(note), {"title": "b"})
        assert_not_found(api.get(f"{versions_of(note)}{number}/"))

    @pytest.mark.parametrize("path", ["", "1/", "1/restore/"])
    def test_not_mine_deleted_and_not_existing_are_the_same(self, api, bobs_api, path):
        theirs, deleted = make(bobs_api, title="a"), make(api, title="a")
        bobs_api.patch(url_of(theirs), {"title": "b"})
        api.patch(url_of(deleted), {"title": "b"})
        api.delete(url_of(deleted))
        bodies = []
        for note in (theirs, deleted, {"id": uuid.uuid4()}):
            url = versions_of(note) + path
            answer = api.post(url) if "restore" in path else api.get(url)
            assert_not_found(answer)
            bodies.append((answer.json()["detail"], sorted(answer.headers)))
        assert bodies[0] == bodies[1] == bodies[2]
        assert bobs_api.get(url_of(theirs)).json()["title"] == "b"


class TestRestoring:
    def test_the_note_is_what_it_was_and_what_it_is_becomes_a_version(self, api):
        note = make(api, title="a", content="b", tags=["x", "y"])
        changed = api.put(url_of(note), {"title": "c", "tags": ["z"]}).json()
        answer = api.post(f"{versions_of(note)}1/restore/")
        restored = answer.json()
        assert restored == {**note, "updated_at": restored["updated_at"]}
        assert restored["updated_at"] > changed["updated_at"]
        assert answer["ETag"] == api.get(url_of(note))["ETag"]
        assert [title for title, *_ in kept()] == ["a", "c"]
        api.post(f"{versions_of(note)}2/restore/")
        shown = api.get(url_of(note)).json()
        assert (shown["title"], shown["content"], shown["tags"]) == ("c", None, ["z"])

    def test_blocks_come_back_as_blocks_and_text_as_text(self, api):
        document = {"type": "doc", "version": 1, "blocks": [{"type": "divider"}]}
        text = json.dumps(document, separators=(",", ":"), sort_keys=True)
        note = make(api, content=document)
        api.patch(url_of(note), {"content": text})
        assert NoteVersion.objects.values_list("content", "content_format").get() == (
            text,
            "blocks",
        )
        api.post(f"{versions_of(note)}1/restore/")
        shown = api.get(url_of(note)).json()
        assert (shown["content"], shown["content_format"]) == (document, "blocks")
        api.post(f"{versions_of(note)}2/restore/")
        shown = api.get(url_of(note)).json()
        assert (shown["content"], shown["content_format"]) == (text, "text")

    def test_a_state_that_is_so_already_changes_nothing(self, api):
        note = make(api, title="a")
        api.patch(url_of(note), {"title": "b"})
        back = api.patch(url_of(note), {"title": "a"}).json()
        assert api.post(f"{versions_of(note)}1/restore/").json() == back
        assert len(kept()) == 2

    def test_if_match_is_honoured(self, api):
        note = make(api, title="a")
        tag = api.patch(url_of(note), {"title": "b"})["ETag"]
        url = f"{versions_of(note)}1/restore/"
        assert api.post(url, headers={"if-match": '"x"'}).status_code == 412
        assert api.post(url, headers={"if-match": "x"}).status_code == 400
        assert api.get(url_of(note)).json()["title"] == "b"
        assert api.post(url, headers={"if-match": tag}).json()["title"] == "a"

    def test_a_tag_that_is_gone_is_made_again(self, api):
        note = make(api, title="a", tags=["x"])
        api.patch(url_of(note), {"tags": []})
        sql("DELETE FROM tags")
        assert api.post(f"{versions_of(note)}1/restore/").json()["tags"] == ["x"]
