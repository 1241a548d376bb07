"""One's own tags: listed, renamed, merged, taken off, and nothing of anybody else's."""

from dataclasses import replace
from itertools import chain

import pytest
from django.db import connection

from notes.models import NoteTag, Tag
from notes.own_tags import OwnTags, use_of
from tests.notes.test_lists import TAGS, walk
from tests.notes.test_notes import NOTES, errors_of, make
from tests.plans import buffers, explained, nodes

pytestmark = pytest.mark.django_db


class TestTagList:
    def test_names_and_counts_of_ones_own(self, api, bobs_api):
        make(api, tags=["b", "a"])
        api.post(f"{NOTES}{make(api, tags=['a'])['id']}/archive/")
        make(bobs_api, tags=["a", "secret"])
        assert api.get(TAGS).json() == {
            "results": [{"name": "a", "count": 2}, {"name": "b", "count": 1}],
            "next": None,
            "previous": None,
        }

    def test_pages_by_name(self, api, django_assert_num_queries):
        names = [f"tag {number:02}" for number in range(12)] + ["z", "é", "ж", "☃"]
        make(api, tags=names)
        pages = walk(api, f"{TAGS}?limit=5", key="name")
        assert [len(page) for page in pages] == [5, 5, 5, 1]
        assert [*chain(*pages)] == sorted(names)
        last = api.get(api.get(f"{TAGS}?limit=15").json()["next"]).json()
        assert [row["name"] for row in api.get(last["previous"]).json()["results"]] == sorted(
            names
        )[:15]
        with django_assert_num_queries(2):
            api.get(f"{TAGS}?limit=15")

    def test_prefix(self, api):
        make(api, tags=["work", "workshop", "wör", "w_rk", "w%", "w x", ".net"])

        def names(prefix):
            response = api.get(TAGS, {"prefix": prefix})
            return [row["name"] for row in response.json()["results"]]

        assert names("Work") == ["work", "workshop"]
        assert names("w_") == ["w_rk"]
        assert names("w%") == ["w%"]
        assert names(".") == [".net"]
        assert len(names("")) == 7
        assert names("W ") == names("w\u3000") == ["w x"]
        assert names(" w  x") == ["w x"]
        assert names("none") == []

    @pytest.mark.parametrize(
        "query", ["tag=a", "prefix=%00", "prefix=%ff", "prefix=" + "a" * 101, "limit=0"]
    )
    def test_what_cannot_be_asked_is_refused_by_name(self, api, query):
        name = query.split("=")[0]
        code = "unknown" if name == "tag" else "invalid"
        assert errors_of(api.get(f"{TAGS}?{query}")) == {(name, code)}

    def test_one(self, api, bobs_api):
        make(api, tags=["a", "x/y", "two words", "ß?#%"])
        make(bobs_api, tags=["secret"])
        assert api.get(f"{TAGS}a/").json() == {"name": "a", "count": 1}
        assert api.get(f"{TAGS}A/").json() == {"name": "a", "count": 1}
        assert api.get(f"{TAGS}x/y/").json()["name"] == "x/y"
        assert api.get(f"{TAGS}x%2Fy/").json()["name"] == "x/y"
        assert api.get(f"{TAGS}two%20words/").json()["name"] == "two words"
        assert api.get(f"{TAGS}%C3%9F%3F%23%25/").json()["name"] == "ss?#%"
        bodies = []
        for name in ("secret", "none", "%00", "a" * 101, "%20", "."):
            response = api.get(f"{TAGS}{name}/")
            assert response.status_code == 404
            assert response["Content-Type"] == "application/problem+json"
            bodies.append(response.json()["detail"])
        assert len(set(bodies)) == 1

    def test_a_tag_that_nobody_uses_any_more_is_not_listed(self, api):
        note = make(api, tags=["a", "b"])
        api.patch(f"{NOTES}{note['id']}/", {"tags": ["b"]})
        assert [row["name"] for row in api.get(TAGS).json()["results"]] == ["b"]
        assert api.get(f"{TAGS}a/").status_code == 404
        assert NoteTag.objects.count() == 1
        assert Tag.objects.filter(name="b").exists()


def test_what_is_read_is_what_is_shown(db, django_user_model):
    """However many tags and notes there are, of oneself and of others.

    The planner does not know yet of those of the first user, and knows of those of the second.
    """
    first, second = (django_user_model.objects.create(username=name) for name in ("ada", "bob"))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notes DISABLE TRIGGER notes_index_new_text")
        for statement in (OTHERS, ANALYZE, OWN.format("ada")):
            cursor.execute(statement)
        require_short_reads(first)
        for statement in (OWN.format("bob"), ANALYZE):
            cursor.execute(statement)
        require_short_reads(second)


def require_short_reads(user):
    tags = OwnTags(user.id)
    asked = [
        (tags, None, False, ["tag 1", "tag 10", "tag 100", *tags_of(1000, 1002)]),
        (tags, ["tag 2500"], False, tags_of(2501, 2506)),
        (tags, ["tag 2500"], True, [*tags_of(2497, 2500), "tag 25", "tag 250"]),
        (replace(tags, prefix="tag 29"), None, False, ["tag 29", "tag 290", *tags_of(2900, 2903)]),
        (replace(tags, prefix="tag 2999"), None, False, ["tag 2999"]),
    ]
    for listed, position, backward, expected in asked:
        with explained() as plans:
            page = listed.page(position, 5, backward=backward)
        assert [row["name"] for row in page.rows] == expected
        assert {row["count"] for row in page.rows} == {2}
        check(*plans)
    with explained() as plans:
        assert use_of(user, "tag 1") == (2, 1)
    check(*plans)


def tags_of(first, end):
    return [f"tag {number}" for number in range(first, end)]


def check(plan):
    assert buffers(plan) <= 40, plan
    for node in nodes(plan):
        assert node["Node Type"] != "Seq Scan", node
        assert node["Actual Rows"] * node["Actual Loops"] <= 7, node  # One more ends the page.


ANALYZE = "ANALYZE notes, note_tags, tags, tag_counts"
OTHERS = """
INSERT INTO users SELECT gen_random_uuid(), 'user ' || n FROM generate_series(1, 40) AS n;
INSERT INTO tags (name) SELECT 'tag ' || n FROM generate_series(1, 3000) AS n;
INSERT INTO notes (user_id, title) SELECT id, n FROM users, generate_series(1, 25) AS n
WHERE username LIKE 'user %';
INSERT INTO note_tags (note_id, tag_id) SELECT notes.id, tags.id FROM notes JOIN tags
ON hashtext(notes.id::text || name) % 100 = 0;
"""
# Each tag is on two notes, and on one in the trash.
OWN = """
INSERT INTO notes (user_id, title, deleted_at)
SELECT id, n, CASE WHEN n > 2 THEN now() END FROM users, generate_series(1, 3) AS n
WHERE username = '{0}';
INSERT INTO note_tags (note_id, tag_id) SELECT notes.id, tags.id
FROM notes JOIN users ON users.id = user_id, tags WHERE username = '{0}';
"""
