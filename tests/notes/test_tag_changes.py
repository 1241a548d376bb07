"""One's own tags renamed, merged and taken off."""

from itertools import chain

import pytest
from django.db import transaction

from notes import tag_changes
from notes.models import Note, NoteTag, NoteVersion, Tag
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, assert_not_found, errors_of, make, url_of
from tests.notes.test_tags_in_rows import assert_rows_name_their_tags
from tests.threads import at_once, in_thread, wait_until_blocked

pytestmark = pytest.mark.django_db


def listed(api):
    return {row["name"]: row["count"] for row in api.get(f"{TAGS}?limit=100").json()["results"]}


class TestRename:
    def test_it_is_renamed_on_all_of_ones_notes(self, api):
        notes = [make(api, tags=["a", "x"]), make(api, tags=["a"]), make(api, tags=["x"])]
        api.post(f"{url_of(notes[1])}archive/")
        answer = api.patch(f"{TAGS}A/", {"name": " Ä  New "})
        assert answer.status_code == 200
        assert answer.json() == {"name": "ä new", "notes": 2, "trashed": 0}
        assert [api.get(url_of(note)).json()["tags"] for note in notes] == [
            ["x", "ä new"],
            ["ä new"],
            ["x"],
        ]
        assert listed(api) == {"x": 2, "ä new": 2}
        assert_not_found(api.get(f"{TAGS}a/"))
        rows = api.get(NOTES, {"tag": "Ä new", "archived": "any"}).json()["results"]
        assert {row["id"] for row in rows} == {note["id"] for note in notes[:2]}

    def test_into_one_that_there_is_they_become_one(self, api):
        notes = [make(api, tags=["a"]), make(api, tags=["a", "b"]), make(api, tags=["b"])]
        assert api.patch(f"{TAGS}a/", {"name": "b"}).json() == {
            "name": "b",
            "notes": 2,
            "trashed": 0,
        }
        assert {*chain(*(api.get(url_of(note)).json()["tags"] for note in notes))} == {"b"}
        assert listed(api) == {"b": 3}

    def test_in_the_trash_too(self, api):
        kept, deleted = make(api, tags=["a"]), make(api, tags=["a"])
        api.delete(url_of(deleted))
        assert api.patch(f"{TAGS}a/", {"name": "b"}).json() == {
            "name": "b",
            "notes": 1,
            "trashed": 1,
        }
        restored = api.post(f"/api/v1/trash/{deleted['id']}/restore/").json()
        assert restored["tags"] == ["b"]
        assert listed(api) == {"b": 2}
        assert api.get(url_of(kept)).json()["tags"] == ["b"]

    @pytest.mark.parametrize("method", ["patch", "delete"])
    def test_one_that_is_in_the_trash_alone_is_a_404(self, api, method):
        deleted = make(api, tags=["a"])
        api.delete(url_of(deleted))
        assert_not_found(getattr(api, method)(f"{TAGS}a/", {"name": "b"}))
        assert api.get(f"/api/v1/trash/{deleted['id']}/").json()["tags"] == ["a"]

    @pytest.mark.parametrize("method", ["patch", "delete"])
    def test_of_a_note_nothing_but_tags_and_etag_change(self, api, method):
        note, other = make(api, tags=["a"]), make(api, tags=["b"])
        before = {each["id"]: api.get(url_of(each))["ETag"] for each in (note, other)}
        getattr(api, method)(f"{TAGS}a/", {"name": "c"})
        answer = api.get(url_of(note))
        assert answer.json() == {**note, "tags": ["c"] if method == "patch" else []}
        assert answer["ETag"] != before[note["id"]]
        assert api.get(url_of(other))["ETag"] == before[other["id"]]
        assert not NoteVersion.objects.exists()
        stale = api.patch(url_of(note), {"title": "x"}, headers={"if-match": before[note["id"]]})
        assert stale.status_code == 412

    def test_former_states_keep_the_names_of_their_time(self, api):
        note = make(api, title="a", tags=["old"])
        api.patch(url_of(note), {"title": "b"})
        api.patch(f"{TAGS}old/", {"name": "new"})
        assert api.get(f"{url_of(note)}versions/1/").json()["tags"] == ["old"]
        assert api.post(f"{url_of(note)}versions/1/restore/").json()["tags"] == ["old"]

    @pytest.mark.parametrize("body", [{}, {"name": "A"}, {"name": "a"}])
    def test_to_what_it_is_called_already_changes_nothing(self, api, body):
        note = make(api, tags=["a"])
        answer = api.patch(f"{TAGS}a/", body)
        assert answer.status_code == 200
        assert answer.json() == {"name": "a", "notes": 0, "trashed": 0}
        assert api.get(url_of(note)).json() == note

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"name": None}, ("/name", "null")),
            ({"name": ""}, ("/name", "blank")),
            ({"name": "."}, ("/name", "invalid")),
            ({"name": "a" * 101}, ("/name", "invalid")),
            ({"name": 1}, ("/name", "invalid")),
            ({"name": "b", "count": 1}, ("/count", "read_only")),
            ({"title": "b"}, ("/title", "unknown")),
        ],
    )
    def test_what_cannot_be_is_refused_by_field(self, api, body, error):
        note = make(api, tags=["a"])
        assert errors_of(api.patch(f"{TAGS}a/", body)) == {error}
        assert api.get(url_of(note)).json() == note

    def test_it_takes_a_merge_patch(self, api):
        make(api, tags=["a"])
        kind = "application/merge-patch+json"
        answer = api.patch(f"{TAGS}a/", '{"name": "b"}', content_type=kind)
        assert (answer.status_code, listed(api)) == (200, {"b": 1})
        assert kind in api.options(f"{TAGS}b/")["Accept-Patch"]

    def test_it_takes_so_many_statements_however_many_notes(self, api, django_assert_num_queries):
        for count in (1, 30):
            for _ in range(count):
                make(api, tags=["a", "b"])
            with django_assert_num_queries(8):  # user, use, and what changes it
                api.patch(f"{TAGS}a/", {"name": f"new {count}"})


class TestDetach:
    def test_it_goes_from_all_of_ones_notes(self, api):
        notes = [make(api, tags=["a", "b"]), make(api, tags=["a"]), make(api, tags=["a"])]
        api.delete(url_of(notes[2]))
        answer = api.delete(f"{TAGS}A/")
        assert answer.status_code == 200
        assert answer.json() == {"name": "a", "notes": 2, "trashed": 1}
        assert listed(api) == {"b": 1}
        assert_not_found(api.delete(f"{TAGS}a/"))
        restored = api.post(f"/api/v1/trash/{notes[2]['id']}/restore/").json()
        assert restored["tags"] == []


class TestDryRun:
    @pytest.mark.parametrize("method", ["patch", "delete"])
    def test_it_says_how_many_and_changes_nothing(self, api, method):
        notes = [make(api, tags=["a", "b"]) for _ in range(3)]
        api.delete(url_of(notes[2]))
        names = Tag.objects.count()
        call, url = getattr(api, method), f"{TAGS}a/"
        name = "c" if method == "patch" else "a"
        expected = {"name": name, "notes": 2, "trashed": 1}
        assert call(f"{url}?dry_run=true", {"name": "c"}).json() == expected
        assert listed(api) == {"a": 2, "b": 2}
        assert api.get(url_of(notes[0])).json() == notes[0]
        assert Tag.objects.count() == names
        assert call(f"{url}?dry_run=false", {"name": "c"}).json() == expected
        assert listed(api) == ({"b": 2, "c": 2} if method == "patch" else {"b": 2})

    @pytest.mark.parametrize("method", ["patch", "delete"])
    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("dry_run=yes", ("dry_run", "invalid")),
            ("dry_run=True", ("dry_run", "invalid")),
            ("dry_run=true&dry_run=false", ("dry_run", "invalid")),
            ("dryrun=true", ("dryrun", "unknown")),
        ],
    )
    def test_what_might_be_meant_for_one_changes_nothing(self, api, method, query, error):
        note = make(api, tags=["a"])
        assert errors_of(getattr(api, method)(f"{TAGS}a/?{query}", {"name": "b"})) == {error}
        assert api.get(url_of(note)).json() == note


class TestPieces:
    @pytest.fixture
    def tagged(self, api, monkeypatch):
        """Ten notes with the tag, of which three are in the trash."""
        monkeypatch.setattr(tag_changes, "PIECE", 4)
        notes = [make(api, tags=["a", "x"]) for _ in range(10)]
        for note in notes[:3]:
            api.delete(url_of(note))

    @pytest.mark.parametrize(("method", "name"), [("patch", "b"), ("delete", "a")])
    def test_all_are_changed(self, api, tagged, method, name):
        answer = getattr(api, method)(f"{TAGS}a/", {"name": "b"})
        assert answer.json() == {"name": name, "notes": 7, "trashed": 3}
        assert not NoteTag.objects.filter(tag__name="a").exists()
        assert_rows_name_their_tags()

    @pytest.mark.parametrize("method", ["patch", "delete"])
    def test_where_time_is_up_it_says_so_and_goes_on_when_it_is_sent_again(
        self, api, tagged, method, monkeypatch
    ):
        monkeypatch.setattr(tag_changes, "LONGEST", -1)
        for left in (6, 2):
            answer = getattr(api, method)(f"{TAGS}a/", {"name": "b"})
            assert (answer.status_code, answer["Retry-After"]) == (503, "5")
            assert answer.json()["detail"].startswith(
                "The tag is changed on 4 notes, and on others"
            )
            # Those in the trash are done: while any is left, the tag is found.
            assert api.get(f"{TAGS}a/").json()["count"] == left
            assert_rows_name_their_tags()
        answer = getattr(api, method)(f"{TAGS}a/", {"name": "b"})
        assert (answer.status_code, answer.json()["notes"]) == (200, 2)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_a_rename_waits_for_a_change_of_the_note_and_keeps_it(self, sign_in, ada):
        api = sign_in(ada)
        note = make(api, title="a", tags=["a", "b"])
        with transaction.atomic():
            Note.objects.filter(pk=note["id"]).update(title="changed")
            renamed = in_thread(lambda: api.patch(f"{TAGS}a/", {"name": "c"}))
            wait_until_blocked()
            NoteTag.objects.filter(tag__name="b").delete()
        assert renamed.result(10).json()["notes"] == 1
        found = api.get(url_of(note)).json()
        assert (found["title"], found["tags"]) == ("changed", ["c"])

    def test_one_that_is_taken_off_meanwhile_does_not_come_back(self, sign_in, ada):
        api = sign_in(ada)
        note = make(api, tags=["a"])
        with transaction.atomic():
            NoteTag.objects.all().delete()
            renamed = in_thread(lambda: api.patch(f"{TAGS}a/", {"name": "c"}))
            wait_until_blocked()
        assert renamed.result(10).json() == {"name": "c", "notes": 0, "trashed": 0}
        assert api.get(url_of(note)).json()["tags"] == []

    def test_what_somebody_else_was_faster_with_is_not_the_end(self, sign_in, ada, monkeypatch):
        monkeypatch.setattr(tag_changes, "PIECE", 1)
        api = sign_in(ada)
        first, second = make(api, tags=["a"]), make(api, tags=["a"])
        api.post(f"{url_of(first)}archive/")
        with transaction.atomic():
            NoteTag.objects.filter(note_id=first["id"]).delete()
            renamed = in_thread(lambda: api.patch(f"{TAGS}a/", {"name": "c"}))
            wait_until_blocked()
        assert renamed.result(10).json() == {"name": "c", "notes": 1, "trashed": 0}
        assert api.get(url_of(second)).json()["tags"] == ["c"]

    def test_renames_round_and_writers_of_the_same_notes_never_stop_each_other(self, sign_in, ada):
        clients = [sign_in(ada) for _ in range(8)]
        notes = [make(clients[0], tags=["a", "b", "c"]) for _ in range(6)]

        def write(number):
            api = clients[number]
            for step in range(12):
                old, new = "abca"[number % 3 :][:2]
                if number < 4:
                    answer = api.patch(f"{TAGS}{old}/", {"name": new})
                elif number == 4:
                    answer = api.delete(f"{TAGS}{old}/")
                else:
                    note = notes[(number + step) % 6]
                    answer = api.patch(url_of(note), {"title": f"{step}", "tags": [old, new]})
                assert answer.status_code in (200, 404), answer.content

        at_once(write, 8)
        assert_rows_name_their_tags()
