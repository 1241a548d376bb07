"""Tags in the admin, which are those of everybody."""

from itertools import cycle

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.urls import reverse

from notes import tag_admin, tag_changes
from notes.models import Note, Tag
from notes.write import make_tags
from tests.notes.test_admin import ADMIN, get
from tests.notes.test_notes import make, url_of
from tests.notes.test_tags_in_rows import assert_rows_name_their_tags
from tests.plans import explained, rows_read
from tests.threads import at_once, in_thread, wait_until_blocked

pytestmark = pytest.mark.django_db
LIST = f"{ADMIN}notes/tag/"


def act(staff, action, names, query="", **fields):
    ids = [str(tag.pk) for tag in Tag.objects.filter(name__in=names)]
    fields |= {"action": action, "_selected_action": ids}
    return staff.post(f"{LIST}{query}", fields, follow=True)


def names():
    return {*Tag.objects.values_list("name", flat=True)}


def test_counts(staff, api, bobs_api):
    make(api, tags=["a"])
    make(api, tags=["a"])
    make(bobs_api, tags=["a", "b"])
    page = get(staff, "notes/tag/")
    assert '>3</a></td><td class="field-users_count">2</td>' in page


@pytest.mark.parametrize("query", ["", "?o=2", "?o=-3"])
def test_a_page_reads_the_links_of_the_tags_on_it(staff, api, query):
    note = make(api)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tags (name) SELECT 't' || n FROM generate_series(1, 3000) AS n")
        cursor.execute("INSERT INTO note_tags SELECT %s, id FROM tags", [note["id"]])
        cursor.execute("ANALYZE tags, note_tags")
    with explained() as plans:
        assert get(staff, f"notes/tag/{query}").count("field-notes_count") == 100
    links = rows_read(plans, "note_tags")
    assert links
    assert sum(links) == 2 * 100


def test_a_name_is_normalised(staff):
    assert staff.post(f"{ADMIN}notes/tag/add/", {"name": " Two  Words "}).status_code == 302
    assert Tag.objects.get().name == "two words"
    response = staff.post(f"{ADMIN}notes/tag/add/", {"name": "TWO words"})
    assert response.status_code == 200
    assert b"already exists" in response.content


def test_deleting_says_how_many_notes_lose_it(staff, api):
    make(api, tags=["a"])
    make(api, tags=["a"])
    tag = Tag.objects.get()
    assert "It goes from 2 notes." in get(staff, f"notes/tag/{tag.id}/delete/")
    assert staff.post(f"{ADMIN}notes/tag/{tag.id}/delete/", {"post": "yes"}).status_code == 302
    assert Note.objects.count() == 2


class TestOrphans:
    def test_a_filter_finds_them(self, staff, api):
        api.delete(url_of(make(api, tags=["trashed"])))
        Tag.objects.create(name="orphan")
        for choice, shown in (
            ("no", ["orphan"]),
            ("yes", ["trashed"]),
            ("", ["orphan", "trashed"]),
        ):
            page = get(staff, f"notes/tag/?used={choice}")
            assert [name for name in ("orphan", "trashed") if f">{name}</a>" in page] == shown

    def test_those_that_are_selected_are_deleted_and_no_other_tag(self, staff, api):
        make(api, tags=["used"])
        Tag.objects.bulk_create([Tag(name="a"), Tag(name="b"), Tag(name="c")])
        page = act(staff, "delete_unused", ["a", "b", "used"])
        assert "Deleted: 2." in page.content.decode()
        assert names() == {"c", "used"}
        assert {*LogEntry.objects.values_list("object_repr", flat=True)} == {"a", "b"}

    def test_all_that_the_filter_finds(self, staff, api):
        make(api, tags=["used"])
        Tag.objects.bulk_create(Tag(name=f"{number:03}") for number in range(150))
        page = act(staff, "delete_unused", ["000"], "?used=no", select_across="1", index="0")
        assert "Deleted: 150." in page.content.decode()
        assert names() == {"used"}

    @pytest.mark.django_db(transaction=True)
    def test_one_that_is_being_put_on_a_note_stays(self, staff, sign_in, ada):
        api = sign_in(ada)
        Tag.objects.create(name="a")
        with transaction.atomic():
            note = make(api, tags=["a"])
            page = in_thread(lambda: act(staff, "delete_unused", ["a"])).result(20)
            assert "Deleted: 0." in page.content.decode()
        assert api.get(url_of(note)).json()["tags"] == ["a"]


class TestMerge:
    def merge(self, staff, tags, into):
        target = Tag.objects.get(name=into)
        return act(staff, "merge", tags, target=str(target.pk)).content.decode()

    def test_it_asks_first_and_says_what_goes(self, staff, api, bobs_api):
        make(api, tags=["a"])
        make(bobs_api, tags=["a", "b"])
        page = act(staff, "merge", ["a", "b"])
        text = page.content.decode()
        assert "a: 2 notes of 2 users" in text
        assert "b: 1 note of 1 user<" in text
        assert f'data-ajax--url="{reverse("admin:autocomplete")}"' in text
        assert names() == {"a", "b"}

    def test_the_notes_of_all_users_have_the_one(self, staff, api, bobs_api):
        mine = [make(api, tags=["a", "x"]), make(api, tags=["a", "b"]), make(api, tags=["b"])]
        api.delete(url_of(mine[0]))
        theirs = make(bobs_api, tags=["a", "c"])
        page = self.merge(staff, ["a", "b", "c"], "c")
        assert "Merged “a” into “c” on 3 notes." in page
        assert "Merged “b” into “c” on 2 notes." in page
        assert names() == {"c", "x"}
        assert bobs_api.get(url_of(theirs)).json() == {**theirs, "tags": ["c"]}
        assert api.get(url_of(mine[1])).json() == {**mine[1], "tags": ["c"]}
        restored = api.post(f"/api/v1/trash/{mine[0]['id']}/restore/").json()
        assert restored["tags"] == ["c", "x"]
        assert len(api.get("/api/v1/notes/?tag=c").json()["results"]) == 3
        counts = api.get("/api/v1/tags/").json()["results"]
        assert counts == [{"name": "c", "count": 3}, {"name": "x", "count": 1}]
        assert_rows_name_their_tags()
        changes = LogEntry.objects.values_list("object_repr", "action_flag")
        assert sorted(changes) == [("a", 3), ("b", 3), ("c", 2), ("c", 2)]

    def test_into_one_that_was_not_selected(self, staff, api):
        make(api, tags=["a"])
        Tag.objects.create(name="z")
        self.merge(staff, ["a"], "z")
        assert names() == {"z"}
        assert Note.objects.get().tags.get().name == "z"

    @pytest.mark.parametrize("target", ["", "7f3c0000-0000-4000-8000-000000000001"])
    def test_into_one_that_there_is_not(self, staff, api, target):
        make(api, tags=["a"])
        assert "errorlist" in act(staff, "merge", ["a"], target=target).content.decode()
        assert names() == {"a"}

    def test_no_more_than_a_page_of_them(self, staff):
        Tag.objects.bulk_create(Tag(name=f"{number:03}") for number in range(101))
        page = act(staff, "merge", ["000"], select_across="1", index="0")
        assert "Merge 100 tags at most." in page.content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_a_note_that_gets_the_tag_meanwhile_has_the_other(self, staff, sign_in, ada):
        api = sign_in(ada)
        make(api, tags=["a", "b"])
        get(staff, "")
        with transaction.atomic():
            note = make(api, tags=["a"])
            merged = in_thread(lambda: self.merge(staff, ["a"], "b"))
            wait_until_blocked()
        assert "on 2 notes" in merged.result(20)
        assert api.get(url_of(note)).json()["tags"] == ["b"]

    def test_where_time_is_up_it_says_so_and_goes_on_when_it_is_done_again(
        self, staff, api, monkeypatch
    ):
        monkeypatch.setattr(tag_changes, "PIECE", 2)
        for _ in range(3):
            make(api, tags=["a", "b"])
        with monkeypatch.context() as patch:
            patch.setattr(tag_admin, "LONGEST", -1)
            assert "“a” is now “b” on 2 notes, and on others not yet." in self.merge(
                staff, ["a"], "b"
            )
        assert names() == {"a", "b"}
        assert "Merged “a” into “b” on 1 note." in self.merge(staff, ["a"], "b")
        assert names() == {"b"}
        assert_rows_name_their_tags()

    @pytest.mark.django_db(transaction=True)
    def test_a_tag_that_is_going_is_made_again_for_who_needs_it(self, staff, sign_in, ada):
        api = sign_in(ada)
        make(api, tags=["a", "b"])
        get(staff, "")
        with transaction.atomic():
            self.merge(staff, ["a"], "b")
            answer = in_thread(lambda: make(api, tags=["a"]))
            wait_until_blocked()
        assert answer.result(20)["tags"] == ["a"]
        assert names() == {"a", "b"}

    @pytest.mark.django_db(transaction=True)
    def test_merges_round_and_writers_of_the_same_notes_never_stop_each_other(
        self, staff, sign_in, ada
    ):
        clients = [sign_in(ada) for _ in range(5)]
        notes = [make(clients[0], tags=["a", "b", "c"]) for _ in range(4)]
        get(staff, "")

        def write(number):
            ways = cycle("abca"[number % 3 :][:2])
            for step in range(10):
                old, new = next(ways), next(ways)
                api = clients[number % 5]
                if number >= 5:
                    make_tags([old, new])
                    tags = {tag.name: tag.pk for tag in Tag.objects.filter(name__in=(old, new))}
                    if len(tags) == 2:
                        fields = {"action": "merge", "_selected_action": [str(tags[old])]}
                        answer = staff.post(LIST, {**fields, "target": str(tags[new])})
                        assert answer.status_code in (200, 302)
                elif number == 4:
                    assert api.patch(f"/api/v1/tags/{old}/", {"name": new}).status_code in (
                        200,
                        404,
                    )
                else:
                    note = notes[(number + step) % 4]
                    tags = sorted({old, new})
                    answer = api.patch(url_of(note), {"title": f"{step}", "tags": tags})
                    assert answer.json()["tags"] == tags

        at_once(write, 7)
        assert_rows_name_their_tags()
