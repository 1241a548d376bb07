import random
import re
from datetime import timedelta
from itertools import chain

import pytest

from notes.models import Note
from notes.pagination import MAX_FILTERS
from tests.notes.issuer import START
from tests.notes.test_notes import NOTES, errors_of, make

TAGS = "/api/v1/tags/"
TIMES = ("created_after", "created_before", "updated_after", "updated_before")
pytestmark = pytest.mark.django_db


def write(user, count, *, tie=1, **fields):
    """Notes of which each ``tie`` share their times, so that ids decide."""
    times = (START + timedelta(seconds=number // tie) for number in range(count))
    notes = [
        Note(user=user, title=str(number), created_at=time, updated_at=time, **fields)
        for number, time in enumerate(times)
    ]
    return Note.objects.bulk_create(notes)


def in_order(notes):
    return [str(note.id) for note in sorted(notes, key=lambda n: (n.updated_at, n.id))[::-1]]


def walk(api, url, key="id", direction="next"):
    """The rows of each page, up to the last."""
    pages = []
    while url:
        response = api.get(url)
        assert response.status_code == 200, response.content
        body = response.json()
        assert list(body) == ["results", "next", "previous"]
        pages.append([row[key] for row in body["results"]])
        url = body[direction]
    return pages


class TestPages:
    @pytest.mark.parametrize("tie", [1, 3, 100])
    @pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (1, [1]), (7, [7]), (20, [7, 7, 6])])
    def test_forward_each_note_stands_once_in_order(self, api, user, tie, count, sizes):
        notes = write(user, count, tie=tie)
        pages = walk(api, f"{NOTES}?limit=7")
        assert [len(page) for page in pages] == sizes
        assert [*chain(*pages)] == in_order(notes)

    @pytest.mark.parametrize("tie", [1, 3, 100])
    def test_back_again_the_pages_are_the_same(self, api, user, tie):
        write(user, 21, tie=tie)
        url, forward = f"{NOTES}?limit=7", []
        while url:
            last, body = url, api.get(url).json()
            forward.append([row["id"] for row in body["results"]])
            url = body["next"]
        assert walk(api, last, direction="previous") == forward[::-1]

    def test_the_default_is_20_and_100_is_the_most(self, api, user):
        write(user, 101)
        assert len(api.get(NOTES).json()["results"]) == 20
        assert len(api.get(f"{NOTES}?limit=100").json()["results"]) == 100

    def test_links_keep_the_filters_and_are_headers_too(self, api, user):
        write(user, 3, is_archived=True)
        response = api.get(f"{NOTES}?limit=1&archived=true")
        url = response.json()["next"]
        assert url.startswith(f"http://testserver{NOTES}?archived=true&cursor=")
        assert response["Link"] == f'<{url}>; rel="next"'
        response = api.get(url)
        body = response.json()
        assert response["Link"] == f'<{body["next"]}>; rel="next", <{body["previous"]}>; rel="prev"'
        assert len(body["results"]) == 1
        assert "Link" not in api.get(f"{NOTES}?archived=true")

    @pytest.mark.parametrize("found", ["", "word"])
    def test_a_link_has_room_in_a_request_line(self, api, user, found):
        """Whatever is asked for, and whatever the title is where a page ends."""
        write(user, 3, content="word")
        Note.objects.update(title="\1" * 500)
        start = f"q={found}&order=title&limit=1"
        empty = "&tag="
        longest = f"{NOTES}?{start}" + empty * ((MAX_FILTERS - len(f"&{start}")) // len(empty))
        answer = api.get(api.get(longest).json()["next"])
        for url in (answer.json()["next"], answer.json()["previous"]):
            assert api.get(url).status_code == 200
            line = f"GET {url.removeprefix('http://testserver')} HTTP/1.1"
            assert MAX_FILTERS + 4000 < len(line) <= 8190
        assert errors_of(api.get(longest + empty)) == {("tag", "invalid")}

    def test_notes_that_come_and_go_move_no_other(self, api, user):
        notes = write(user, 12, tie=4)
        expected = in_order(notes)
        first = api.get(f"{NOTES}?limit=4").json()
        make(api, title="newest")
        Note.objects.filter(id__in=[expected[3], expected[5]]).delete()
        Note.objects.filter(id=expected[1]).update(title="moved to the top")
        rest = [*chain(*walk(api, first["next"]))]
        assert [row["id"] for row in first["results"]] == expected[:4]
        assert rest == [expected[4], *expected[6:]]

    def test_a_page_after_the_last_note_is_empty(self, api, user):
        write(user, 3)
        url = api.get(f"{NOTES}?limit=2").json()["next"]
        Note.objects.all().delete()
        body = api.get(url).json()
        assert (body["results"], body["next"]) == ([], None)
        note = make(api)
        body = api.get(body["previous"]).json()
        assert [row["id"] for row in body["results"]] == [note["id"]]
        assert body["previous"] is None

    def test_any_note_may_be_changed_between_pages_and_none_is_shown_twice(self, api, user):
        """What is moved up is left out or seen once; all that stays is seen once."""
        draw = random.Random(7)
        notes = write(user, 40, tie=5)
        moved, seen, url = set(), [], f"{NOTES}?limit=6"
        while url:
            body = api.get(url).json()
            seen += [row["id"] for row in body["results"]]
            url = body["next"]
            note = draw.choice(notes)
            moved.add(str(note.id))
            Note.objects.filter(id=note.id).update(title="moved")
        assert len(seen) == len(set(seen))
        assert [i for i in seen if i not in moved] == [i for i in in_order(notes) if i not in moved]

    @pytest.mark.parametrize(
        "limit",
        ["0", "101", "-1", "abc", "1.5", "1e1", " 5", "+5", "1_0", "\u0665", "9" * 5000, "%00"],
    )
    def test_a_limit_that_is_none(self, api, limit):
        assert errors_of(api.get(f"{NOTES}?limit={limit}")) == {("limit", "invalid")}

    def test_a_cursor_that_was_changed(self, api, bobs_api, user):
        write(user, 3)
        cursor = re.search(r"cursor=([^&]+)", api.get(f"{NOTES}?limit=1").json()["next"])[1]
        assert api.get(f"{NOTES}?cursor={cursor}").status_code == 200
        assert errors_of(bobs_api.get(f"{NOTES}?cursor={cursor}")) == {("cursor", "invalid")}
        for number in range(len(cursor)):
            letter = "x" if cursor[number] != "x" else "y"
            changed = cursor[:number] + letter + cursor[number + 1 :]
            assert errors_of(api.get(f"{NOTES}?cursor={changed}")) == {("cursor", "invalid")}
        for text in ("a", ":", "a:b", "%00", "é", cursor[:-1], cursor + "a"):
            assert errors_of(api.get(f"{NOTES}?cursor={text}")) == {("cursor", "invalid")}
        assert errors_of(api.get(f"{TAGS}?cursor={cursor}")) == {("cursor", "invalid")}

    @pytest.mark.parametrize(
        "other",
        [
            *("archived=any", "archived=true", "tag=a", "tag=b", "tag=a&tag=b"),
            *("order=updated_at", "order=-created_at", "order=title"),
            *(f"{name}=2026-11-22T09:15:02Z" for name in TIMES),
        ],
    )
    def test_a_cursor_of_the_same_list_asked_for_otherwise(self, api, user, other):
        write(user, 3)
        url = api.get(f"{NOTES}?limit=1").json()["next"]
        assert errors_of(api.get(f"{url}&{other}")) == {("cursor", "invalid")}
        for same in ("archived=false", "order=-updated_at", "tag=", "created_after="):
            assert api.get(f"{url}&{same}").status_code == 200


class TestNoteList:
    def test_a_row_has_an_excerpt_in_place_of_the_content(self, api):
        note = make(api, title="a", content="é" * 300, tags=["b", "a"])
        row = api.get(NOTES).json()["results"][0]
        del note["content"]
        assert row == {**note, "excerpt": "é" * 200}
        assert list(row)[:4] == ["id", "title", "excerpt", "content_format"]
        api.patch(f"{NOTES}{note['id']}/", {"content": None})
        assert api.get(NOTES).json()["results"][0]["excerpt"] is None

    def test_it_takes_one_query_however_long(self, api, user, django_assert_num_queries):
        for number in range(30):
            make(api, tags=[f"tag {number}", "shared"])
        for limit in (1, 30):
            with django_assert_num_queries(2):  # user, page
                assert len(api.get(f"{NOTES}?limit={limit}").json()["results"]) == limit

    def test_only_ones_own(self, api, bobs_api):
        make(bobs_api, tags=["secret"])
        mine = make(api, tags=["own"])
        assert [row["id"] for row in api.get(f"{NOTES}?archived=any").json()["results"]] == [
            mine["id"]
        ]
        assert api.get(f"{NOTES}?tag=secret").json()["results"] == []

    def test_not_those_in_the_trash(self, api, user):
        note = make(api, tags=["a"])
        Note.objects.update(deleted_at=START)
        assert api.get(f"{NOTES}?archived=any").json()["results"] == []
        assert api.get(f"{NOTES}{note['id']}/").status_code == 404
        assert api.get(TAGS).json()["results"] == []
        assert Note.trash.trashed_by(user).count() == 1
        assert Note.objects.owned_by(user).count() == 0

    def test_archived(self, api):
        kept, archived = make(api), make(api)
        api.post(f"{NOTES}{archived['id']}/archive/")

        def ids(query):
            return {row["id"] for row in api.get(NOTES + query).json()["results"]}

        assert ids("") == ids("?archived=false") == ids("?archived=") == {kept["id"]}
        assert ids("?archived=true") == {archived["id"]}
        assert ids("?archived=any") == {kept["id"], archived["id"]}

    def test_tags(self, api):
        for tags in (["a"], ["b"], ["a", "b"], ["a", "b", "c"], []):
            make(api, title="".join(tags) or "none", tags=tags)

        def titles(query):
            return {row["title"] for row in api.get(f"{NOTES}?{query}").json()["results"]}

        assert titles("tag=a") == titles("tag=%20A%20") == {"a", "ab", "abc"}
        assert titles("tag=a&tag=b") == titles("tag=a&tag=b&tag_match=all") == {"ab", "abc"}
        assert titles("tag=a&tag=b&tag_match=any") == {"a", "b", "ab", "abc"}
        assert titles("tag=a&tag=none") == set()
        assert titles("tag=a&tag=none&tag_match=any") == {"a", "ab", "abc"}
        assert titles("tag=a&tag=A") == {"a", "ab", "abc"}
        assert titles("tag=%ef%bf%bd") == set()
        assert len(titles("tag=")) == 5

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("colour=red", ("colour", "unknown")),
            ("user=1&limit=5", ("user", "unknown")),
            ("archived=yes", ("archived", "invalid")),
            ("archived=True", ("archived", "invalid")),
            ("tag_match=none", ("tag_match", "invalid")),
            ("tag=%00", ("tag", "invalid")),
            ("tag=%20", ("tag", "invalid")),
            ("tag=" + "a" * 101, ("tag", "invalid")),
            ("&".join(f"tag={number}" for number in range(21)), ("tag", "invalid")),
            ("%ff=1", ("\ufffd", "unknown")),
            ("tag=a%ff", ("tag", "invalid")),
            ("limit=5&q=%ed%a0%80", ("q", "invalid")),
            ("format=xml", ("format", "invalid")),
            ("order=id", ("order", "invalid")),
            ("order=--title", ("order", "invalid")),
            *((f"{name}=2026", (name, "invalid")) for name in TIMES),
            *(
                (f"{name}={values[0]}&{name}={values[1]}", (name, "invalid"))
                for name, values in {
                    "archived": ("true", "false"),
                    "order": ("title", "title"),
                    "tag_match": ("any", ""),
                    "limit": ("1", "2"),
                    "cursor": ("a", "a"),
                    "created_after": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
                }.items()
            ),
        ],
    )
    def test_what_cannot_be_asked_is_refused_by_name(self, api, query, error):
        assert errors_of(api.get(f"{NOTES}?{query}")) == {error}

    def test_times_are_from_one_on_until_just_before_the_other(self, api, user):
        write(user, 5)

        def titles(**times):
            shown = {name: (START + timedelta(seconds=s)).isoformat() for name, s in times.items()}
            rows = api.get(NOTES, {"order": "created_at", **shown}).json()["results"]
            return [row["title"] for row in rows]

        for verb in ("created", "updated"):
            assert titles(**{f"{verb}_after": 2}) == ["2", "3", "4"]
            assert titles(**{f"{verb}_before": 2}) == ["0", "1"]
            assert titles(**{f"{verb}_after": 1, f"{verb}_before": 4}) == ["1", "2", "3"]
            assert titles(**{f"{verb}_after": 3, f"{verb}_before": 3}) == []
        assert titles(created_after=1, updated_before=3) == ["1", "2"]

    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("2026-11-22T09:15:02.123456Z", True),
            ("2026-11-22t10:15:02.123456+01:00", True),
            ("2026-11-21T19:15:02.123456-14:00", True),
            ("2026-11-22T09:15:02.123457z", False),
            ("2026-11-22T09:15:03Z", False),
        ],
    )
    def test_times_are_read_with_their_offset(self, api, user, text, same):
        write(user, 1)
        assert bool(api.get(NOTES, {"updated_after": text}).json()["results"]) is same
        assert bool(api.get(NOTES, {"updated_before": text}).json()["results"]) is not same

    @pytest.mark.parametrize(
        "text",
        [
            *("2026-11-22", "2026-11-22T09:15Z", "2026-11-22 09:15:02Z", "2026-11-22T09:15:02"),
            *("2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z", "2026-11-22T09:15:02+25:00"),
            *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
            *("20261122T091502Z", "2026-W47-7T09:15:02Z", "now", "\u0662026-11-22T09:15:02Z"),
            *("2026-11-22T09:15:02 01:00", "2026-11-22T09:15:02Z\n", "1" * 5000),
        ],
    )
    def test_a_time_that_is_none(self, api, text):
        answer = api.get(NOTES, {"created_before": text})
        assert errors_of(answer) == {("created_before", "invalid")}
