"""The seed's own statements, by hand, against both databases."""

import uuid

import psycopg
import pytest

from tests.system.client import User

COUNTS = """
SELECT (SELECT count(*) FROM notes WHERE user_id = %(user)s),
       (SELECT count(*) FROM note_tags WHERE note_id = ANY(%(notes)s))
"""


@pytest.fixture
def shadow_user(notes_sql):
    """A user of notes_db alone, inserted as the seed does it, and gone after the test."""
    user_id = uuid.uuid4()
    notes_sql("INSERT INTO users (id, username) VALUES (%s, %s)", [user_id, User().username])
    yield user_id
    notes_sql("DELETE FROM users WHERE id = %s", [user_id])


def test_a_user_gets_everything_from_the_database(users_sql, notes_sql, wait_until):
    user = User()
    ((user_id, created_at, updated_at),) = users_sql(
        "INSERT INTO users (email, username, password) VALUES (%s, %s, %s)"
        " RETURNING id, created_at, updated_at",
        [user.email, user.username, "!"],
    )
    assert user_id.version == 4
    assert created_at == updated_at
    query = "SELECT username, created_at FROM users WHERE id = %s"
    wait_until(lambda: notes_sql(query, [user_id]) == [(user.username, created_at)])


@pytest.mark.parametrize("column", ["email", "username"])
def test_name_and_address_are_unique(users_sql, column):
    first, second = User(), User()
    setattr(second, column, getattr(first, column).upper())
    insert = "INSERT INTO users (email, username, password) VALUES (%s, %s, '!')"
    users_sql(insert, [first.email, first.username])
    with pytest.raises(psycopg.errors.UniqueViolation):
        users_sql(insert, [second.email, second.username])


def test_notes_and_tags_get_everything_from_the_database(notes_sql, shadow_user):
    ((note_id, title, content, is_archived, created_at, updated_at),) = notes_sql(
        "INSERT INTO notes (user_id) VALUES (%s)"
        " RETURNING id, title, content, is_archived, created_at, updated_at",
        [shadow_user],
    )
    assert (note_id.version, title, content, is_archived) == (4, "Untitled", None, False)
    assert created_at == updated_at
    name = f"tag-{uuid.uuid4()}"
    ((tag_id,),) = notes_sql("INSERT INTO tags (name) VALUES (%s) RETURNING id", [name])
    with pytest.raises(psycopg.errors.UniqueViolation):
        notes_sql("INSERT INTO tags (name) VALUES (%s)", [name])
    join = "INSERT INTO note_tags (note_id, tag_id) VALUES (%s, %s)"
    notes_sql(join, [note_id, tag_id])
    with pytest.raises(psycopg.errors.UniqueViolation):
        notes_sql(join, [note_id, tag_id])
    notes_sql("DELETE FROM tags WHERE id = %s", [tag_id])
    assert notes_sql("SELECT 1 FROM note_tags WHERE note_id = %s", [note_id]) == []
    assert notes_sql("SELECT 1 FROM notes WHERE id = %s", [note_id]) == [(1,)]


def test_deleting_a_shadow_user_removes_notes_and_note_tags(notes_sql, shadow_user):
    insert = "INSERT INTO notes (user_id) SELECT %s FROM generate_series(1, 3) RETURNING id"
    notes = [note_id for (note_id,) in notes_sql(insert, [shadow_user])]
    notes_sql(
        "WITH tag AS (INSERT INTO tags (name) VALUES (%s) RETURNING id)"
        " INSERT INTO note_tags SELECT note.id, tag.id FROM tag, unnest(%s::uuid[]) AS note (id)",
        [f"tag-{shadow_user}", notes],
    )
    both = {"user": shadow_user, "notes": notes}
    assert notes_sql(COUNTS, both) == [(3, 3)]
    notes_sql("DELETE FROM users WHERE id = %s", [shadow_user])
    assert notes_sql(COUNTS, both) == [(0, 0)]


def test_the_columns_of_users_are_the_seeds(users_sql):
    rows = users_sql(
        "SELECT column_name, udt_name, character_maximum_length, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'users'"
    )
    columns = {name: rest for name, *rest in rows}
    expected = {
        "id": ["uuid", None, "NO", "gen_random_uuid()"],
        "email": ["varchar", 255, "NO", None],
        "username": ["varchar", 100, "NO", None],
        "password": ["varchar", 255, "NO", None],
        "created_at": ["timestamptz", None, "NO", "CURRENT_TIMESTAMP"],
        "updated_at": ["timestamptz", None, "NO", "CURRENT_TIMESTAMP"],
    }
    assert {name: columns[name] for name in expected} == expected
