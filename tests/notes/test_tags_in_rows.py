"""``notes.tag_names``: what the links say, whoever writes them, alone and at once."""

import random
import uuid
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from notes.models import Note, Tag
from tests.notes.test_database import sql
from tests.notes.test_notes import NOTES, make, url_of
from tests.threads import at_once, in_thread, wait_until_blocked

pytestmark = pytest.mark.django_db
ADA = uuid.UUID("7f3c0000-0000-4000-8000-000000000001")
LINK = "INSERT INTO note_tags (note_id, tag_id) SELECT notes.id, tags.id FROM notes, tags WHERE "
RENAME = "UPDATE tags SET name = 'b' WHERE name = 'a'"
STATEMENTS = [
    f"{LINK} title = 'none'",
    f"{LINK} title = 'none' AND name = 'a'",
    f"{LINK} title = 'none' AND name IN ('z', 'é')",
    f"{LINK} title <> 'all' ON CONFLICT DO NOTHING",
    "DELETE FROM note_tags",
    "DELETE FROM note_tags USING tags WHERE id = tag_id AND name = 'a'",
    "UPDATE note_tags SET tag_id = (SELECT id FROM tags WHERE name = 'new')"
    " FROM tags WHERE tags.id = tag_id AND name = 'a'",
    "UPDATE note_tags SET note_id = (SELECT id FROM notes WHERE title = 'none')"
    " FROM notes WHERE notes.id = note_id AND title = 'some'",
    "UPDATE tags SET name = 'y' WHERE name = 'a'",
    "UPDATE tags SET name = name || '!'",
    "DELETE FROM tags WHERE name = 'a'",
    "DELETE FROM tags",
    "DELETE FROM notes WHERE title = 'all'",
    "TRUNCATE note_tags",
    "TRUNCATE tags CASCADE",
]
BULK = {"operations": [{"op": "create", "tags": ["b"]}]}


@pytest.fixture
def links():
    """A note with all of the tags, one with some of them, one with none."""
    sql("INSERT INTO users (id, username) VALUES (%s, 'ada')", ADA)
    sql("INSERT INTO tags (name) VALUES ('z'), ('a'), ('Z'), ('é'), ('日本'), ('👩‍🚀'), ('new')")
    for title, condition in (("all", "name <> 'new'"), ("some", "name < 'b'"), ("none", "false")):
        sql("INSERT INTO notes (user_id, title) VALUES (%s, %s)", ADA, title)
        sql(f"{LINK} title = %s AND {condition}", title)


def names():
    return dict(sql("SELECT title, tag_names FROM notes"))


def assert_rows_name_their_tags():
    for note, found in sql("SELECT id, tag_names FROM notes"):
        expected = Tag.objects.filter(notes=note).values_list("name", flat=True)
        assert found == sorted(expected)
    assert_counts_are_of_what_is_there()


def assert_counts_are_of_what_is_there():
    # Of a tag that is on no note any more, rows of two writers at once may stay: their sum is none.
    counted = sql(
        "SELECT user_id, is_trash, name, sum(notes) FROM tag_counts GROUP BY 1, 2, 3"
        " HAVING sum(notes) <> 0"
    )
    there = sql(
        "SELECT user_id, deleted_at IS NOT NULL, name, count(*)"
        " FROM notes, unnest(tag_names) AS name GROUP BY 1, 2, 3"
    )
    assert sorted(counted) == sorted(there)


def test_they_are_sorted_by_code_points(links):
    assert names() == {
        "all": ["Z", "a", "z", "é", "日本", "👩‍🚀"],
        "some": ["Z", "a"],
        "none": [],
    }


@pytest.mark.parametrize("statement", STATEMENTS)
def test_they_follow_every_statement(links, statement):
    sql(statement)
    assert_rows_name_their_tags()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_with_them_nothing_else_of_a_note_changes(links, statement):
    columns = "SELECT id, title, version, updated_at FROM notes WHERE title <> 'all' ORDER BY id"
    before = sql(columns)
    sql(statement)
    assert sql(columns) == before
    assert sql("SELECT count(*) FROM note_versions") == [(0,)]


def test_every_other_column_moves_the_time_of_the_last_change():
    """A trigger that knows its columns does not know a new one."""
    watched = "SELECT unnest(tgattr) FROM pg_trigger WHERE tgname = 'notes_move_updated_at'"
    rows = sql(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attnum > 0"
        f" AND NOT attisdropped AND attgenerated = '' AND attnum NOT IN ({watched})"
    )
    assert rows == [("tag_names",)]


@pytest.mark.parametrize("method", ["post", "patch", "bulk", "restore"])
def test_the_api_writes_a_note_once(api, method):
    """Each UPDATE of a row is another place on the disk: the triggers find nothing left to do."""
    note = make(api, title="a", tags=["b", "a"])
    api.patch(url_of(note), {"tags": ["c", "a"]})
    write = {
        "post": lambda: api.post(NOTES, {"tags": ["c", "new"]}),
        "patch": lambda: api.patch(url_of(note), {"tags": ["b", "new"]}),
        "bulk": lambda: api.post(f"{NOTES}bulk/", BULK),
        "restore": lambda: api.post(f"{url_of(note)}versions/1/restore/"),
    }[method]
    before = updates()
    assert write().status_code in (200, 201)
    # A change of tags: the version first, then the names.
    assert updates() - before == (0 if method in ("post", "bulk") else 2)
    assert_rows_name_their_tags()


def updates():
    """How many rows of notes this transaction has updated."""
    return sql("SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'notes'")[0][0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"{LINK} title = 'none' AND name = 'a'", f"{LINK} title = 'none' AND name = 'z'"),
        (f"{LINK} title = 'none' AND name = 'a'", RENAME),
        (RENAME, f"{LINK} title = 'none' AND name = 'a'"),
        (RENAME, "DELETE FROM note_tags"),
        (RENAME, "UPDATE tags SET name = 'c' WHERE name = 'Z'"),
        ("DELETE FROM note_tags USING tags WHERE id = tag_id AND name = 'a'", "DELETE FROM tags"),
        (
            "DELETE FROM note_tags USING tags WHERE id = tag_id AND name = 'a'",
            f"{LINK} title = 'some' AND name = 'z'",
        ),
        ("DELETE FROM tags WHERE name = 'a'", f"{LINK} title = 'some' AND name = 'z'"),
    ],
)
def test_two_statements_at_once(links, first, second):
    with transaction.atomic():
        sql(first)
        other = in_thread(lambda: sql(second))
        wait_until_blocked()
    other.result(10)
    assert_rows_name_their_tags()


@pytest.mark.django_db(transaction=True)
def test_many_at_once(sign_in, ada):
    """The API attaches and takes off, the dictionary is renamed and deleted from: no deadlock."""
    api = sign_in(ada)
    urls = [url_of(make(api, title=f"{n}", tags=["a", "b"])) for n in range(3)]
    clients = [sign_in(ada) for _ in range(6)]

    def write(number):
        draw = random.Random(number)
        for step in range(25):
            if number < 6:
                tags = draw.sample("abcde", draw.randrange(4))
                fields = draw.choice([{"tags": tags}, {"title": f"{step}"}, {"tags": tags[:1]}])
                answer = clients[number].patch(draw.choice(urls), fields)
                assert answer.status_code == 200, answer.content
                assert answer.json()["tags"] == sorted(fields.get("tags", answer.json()["tags"]))
            elif number == 6:
                name = draw.choice("abcde")
                sql("UPDATE tags SET name = %s WHERE name = %s", f"{name}{step}", name)
            else:
                sql("DELETE FROM tags WHERE name = %s", draw.choice("abcde"))

    at_once(write, 8)
    assert_rows_name_their_tags()
    assert connection.is_usable()
    assert Note.objects.count() == 3


def test_the_migration_gives_names_with_what_shows_nothing_the_name_that_they_look_like(user):
    note, both = (Note.objects.create(user=user, title=title) for title in ("note", "both"))
    names = ["a", "a\u200b", "\u2060a", "b\u00ad", "❤\ufe0f", "é", "\u200b"]
    tags = {name: Tag.objects.create(name=name) for name in names}
    note.tags.set(tags[name] for name in names if name != "a")
    both.tags.set([tags["a"], tags["a\u200b"]])
    migration = import_module("notes.migrations.0017_visible_names")
    migration.show_names(None, SimpleNamespace(connection=connection))
    found = dict(sql("SELECT title, tag_names FROM notes"))
    assert found == {"note": ["a", "b", "é", "\u200b", "❤\ufe0f"], "both": ["a"]}
    assert set(Tag.objects.values_list("name", flat=True)) == set(found["note"])
    assert_rows_name_their_tags()
