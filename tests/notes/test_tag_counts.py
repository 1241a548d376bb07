"""``tag_counts``: on how many notes a user's tags are, whoever writes them, alone and at once."""

from itertools import product

import pytest
from django.db import transaction

from tests.notes.test_database import sql
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, make, url_of
from tests.notes.test_tags_in_rows import (
    LINK,
    STATEMENTS,
    assert_counts_are_of_what_is_there,
    links,
)
from tests.threads import in_thread

__all__ = ["links"]
pytestmark = pytest.mark.django_db
OF_NOTES = [
    "UPDATE notes SET deleted_at = now()",
    "UPDATE notes SET deleted_at = now() WHERE title = 'all'; UPDATE notes SET deleted_at = NULL",
    "UPDATE notes SET deleted_at = now(); UPDATE notes SET title = 'x'; DELETE FROM notes",
    "UPDATE notes SET is_archived = true, title = 'x'",
    "INSERT INTO users (id, username) VALUES (gen_random_uuid(), 'bob');"
    "UPDATE notes SET user_id = users.id FROM users WHERE username = 'bob' AND title = 'all'",
    "INSERT INTO users (id, username) VALUES (gen_random_uuid(), 'bob');"
    "INSERT INTO notes (user_id) SELECT id FROM users WHERE username = 'bob';"
    f"{LINK} title = 'Untitled' AND name < 'b'; DELETE FROM notes WHERE title = 'some'",
    "DELETE FROM users",
    "TRUNCATE notes CASCADE",
    "TRUNCATE users CASCADE",
]


@pytest.mark.parametrize("statement", STATEMENTS + OF_NOTES)
def test_they_follow_every_statement(links, statement):
    sql(statement)
    assert_counts_are_of_what_is_there()


@pytest.mark.parametrize(("first", "second"), [*product(OF_NOTES[:3], STATEMENTS[-5:])])
def test_and_each_after_another(links, first, second):
    sql(first)
    sql(second)
    assert_counts_are_of_what_is_there()


def test_a_tag_has_one_row_however_often_it_is_written(api):
    note = make(api, tags=["a", "b"])
    for _ in range(3):
        make(api, tags=["a"])
        api.patch(url_of(note), {"tags": ["a"]})
        api.patch(url_of(note), {"tags": ["a", "b"]})
    assert sql("SELECT name, notes FROM tag_counts ORDER BY name") == [("a", 4), ("b", 1)]
    api.patch(url_of(note), {"tags": []})
    assert sql("SELECT name, notes FROM tag_counts") == [("a", 3)]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_another(api):
    note = make(api, tags=["a", "b"])
    with transaction.atomic():
        api.post(NOTES, {"tags": ["a", "b"]})
        others = [
            lambda: api.post(NOTES, {"tags": ["b", "a"]}),
            lambda: api.delete(url_of(note)),
        ]
        for other in others:
            assert in_thread(other).result(10).status_code < 300
        assert api.get(TAGS).json()["results"] == [
            {"name": "a", "count": 2},
            {"name": "b", "count": 2},
        ]
    assert_counts_are_of_what_is_there()
    make(api, tags=["a", "b"])
    counts = sql("SELECT name, notes FROM tag_counts WHERE NOT is_trash ORDER BY name")
    assert counts == [("a", 3), ("b", 3)]
