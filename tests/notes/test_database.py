"""The tables by plain SQL: the database itself carries defaults, cascades and times."""

import uuid

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from notes.models import Note, NoteTag, Tag
from tests.threads import in_thread, wait_until_blocked
from users.models import User

pytestmark = pytest.mark.django_db
ADA = uuid.UUID("7f3c0000-0000-4000-8000-000000000001")


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@pytest.fixture
def seed():
    """The seed's own INSERT statements: only the columns that its SQL has no default for."""
    sql("INSERT INTO users (id, username) VALUES (%s, 'ada')", ADA)
    [(note,)] = sql("INSERT INTO notes (user_id) VALUES (%s) RETURNING id", ADA)
    [(tag,)] = sql("INSERT INTO tags (name) VALUES ('work') RETURNING id")
    sql("INSERT INTO note_tags (note_id, tag_id) VALUES (%s, %s)", note, tag)
    return note, tag


def test_the_seeds_inserts_work_and_get_their_defaults(seed):
    note = Note.objects.get()
    assert (note.title, note.content, note.is_archived) == ("Untitled", None, False)
    assert note.created_at == note.updated_at
    assert sql("SELECT created_at = now(), updated_at = now() FROM notes") == [(True, True)]
    assert list(note.tags.all()) == [Tag.objects.get()]
    user = User.objects.get()
    assert (user.version, user.is_active) == (0, True)


def test_the_columns_are_the_seeds():
    columns = sql(
        "SELECT table_name || '.' || column_name, data_type, character_maximum_length, is_nullable"
        " FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name IN ('notes', 'tags', 'note_tags', 'users')"
    )
    types = {name: (kind, length, nullable) for name, kind, length, nullable in columns}
    time = ("timestamp with time zone", None, "NO")
    expected = {
        "users.id": ("uuid", None, "NO"),
        "users.username": ("character varying", 100, "NO"),
        "users.created_at": time,
        "notes.id": ("uuid", None, "NO"),
        "notes.user_id": ("uuid", None, "NO"),
        "notes.title": ("character varying", 500, "NO"),
        "notes.content": ("text", None, "YES"),
        "notes.is_archived": ("boolean", None, "NO"),
        "notes.created_at": time,
        "notes.updated_at": time,
        "tags.id": ("uuid", None, "NO"),
        "tags.name": ("character varying", 100, "NO"),
        "note_tags.note_id": ("uuid", None, "NO"),
        "note_tags.tag_id": ("uuid", None, "NO"),
    }
    assert {name: types[name] for name in expected} == expected


def test_the_links_key_is_both_columns(seed):
    with pytest.raises(IntegrityError, match="note_tags_pkey"), transaction.atomic():
        sql("INSERT INTO note_tags (note_id, tag_id) VALUES (%s, %s)", *seed)


def test_a_tags_name_is_unique(seed):
    with pytest.raises(IntegrityError, match="tags_name_key"), transaction.atomic():
        sql("INSERT INTO tags (name) VALUES ('work')")


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO notes (user_id) VALUES ('{uuid.uuid4()}')",
        f"INSERT INTO note_tags SELECT id, '{uuid.uuid4()}' FROM notes",
        f"INSERT INTO note_tags SELECT '{uuid.uuid4()}', id FROM tags",
    ],
)
def test_a_broken_reference_fails_in_its_own_statement(seed, statement):
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        sql(statement)


def test_deleting_a_shadow_user_takes_notes_and_links_and_leaves_tags(seed):
    sql("DELETE FROM users")
    assert not Note.objects.exists()
    assert not NoteTag.objects.exists()
    assert Tag.objects.count() == 1


def test_deleting_a_note_or_a_tag_takes_the_links(seed):
    sql("DELETE FROM tags")
    assert Note.objects.exists()
    assert not NoteTag.objects.exists()


def test_the_admins_log_does_not_hold_a_shadow_user_back(seed):
    sql(
        "INSERT INTO django_admin_log (action_time, object_repr, action_flag, change_message,"
        " user_id) VALUES (now(), 'a note', 1, '', %s)",
        ADA,
    )
    sql("DELETE FROM users")
    assert sql("SELECT count(*) FROM django_admin_log") == [(0,)]


def test_no_reference_waits_for_the_commit():
    """A deferred one fails where nobody can name the cause."""
    rows = sql(
        "SELECT conname FROM pg_constraint WHERE condeferrable AND confrelid IN"
        " ('users'::regclass, 'notes'::regclass, 'tags'::regclass)"
    )
    assert rows == []


def test_updated_at_moves_with_every_update_and_never_back(seed):
    """In one transaction now() stands still: each update moves by a microsecond all the same."""
    times = [Note.objects.get().updated_at]
    for statement in (
        "UPDATE notes SET title = 'a'",
        "UPDATE notes SET title = 'a'",
        "UPDATE notes SET updated_at = '2000-01-01'",
        "UPDATE notes SET updated_at = NULL",
    ):
        sql(statement)
        times.append(Note.objects.get().updated_at)
    Note.objects.update(content="b")
    times.append(Note.objects.get().updated_at)
    assert times == sorted(set(times))
    assert sql("SELECT created_at = now() FROM notes") == [(True,)]


def test_an_insert_may_bring_its_own_times(seed):
    sql("INSERT INTO notes (user_id, updated_at) VALUES (%s, '2000-01-01T00:00:00Z')", ADA)
    assert Note.objects.filter(updated_at__year=2000).exists()


def test_bulk_create_and_equality_work_with_keys_made_here(seed):
    notes = Note.objects.bulk_create([Note(user_id=ADA), Note(user_id=ADA)])
    assert len({note.id for note in notes}) == 2
    assert set(notes) < set(Note.objects.all())


def test_the_migrations_are_complete():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("given", [{}, {"options": "-c statement_timeout=8s"}])
def test_each_statement_is_planned_for_its_values_whatever_pgoptions_say(monkeypatch, given):
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=7s")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", given)
    settings = "SELECT current_setting('plan_cache_mode'), current_setting('statement_timeout')"
    expected = [("force_custom_plan", "8s" if given else "7s")]
    assert in_thread(lambda: sql(settings)).result(20) == expected


@pytest.mark.django_db(transaction=True)
def test_the_migrations_can_be_taken_back_and_applied_again():
    call_command("migrate", "notes", "zero", verbosity=0)
    call_command("migrate", "users", "0001", verbosity=0)
    call_command("migrate", verbosity=0)
    sql("INSERT INTO users (id, username) VALUES (%s, 'ada')", ADA)
    sql("INSERT INTO notes (user_id) VALUES (%s)", ADA)
    sql("DELETE FROM users")
    assert not Note.objects.exists()


def assert_links_repeat_their_notes():
    """`note_tags` has what the lists of a tag need of the notes."""
    assert sql(
        "SELECT count(*) FROM note_tags AS links JOIN notes ON notes.id = note_id"
        " WHERE (links.user_id, links.created_at, links.updated_at, links.title_key)"
        " IS DISTINCT FROM (notes.user_id, notes.created_at, notes.updated_at, lower(title))"
        " OR links.is_archived IS DISTINCT FROM"
        " CASE WHEN deleted_at IS NULL THEN notes.is_archived END"
    ) == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT",
        "UPDATE notes SET title = 'Ä B'",
        "UPDATE notes SET is_archived = true",
        "UPDATE notes SET deleted_at = now()",
        "UPDATE notes SET deleted_at = now(); UPDATE notes SET deleted_at = NULL",
        "UPDATE notes SET created_at = '2000-01-01'",
        "UPDATE note_tags SET note_id = (SELECT id FROM notes WHERE title = 'other')",
        "DELETE FROM note_tags; INSERT INTO note_tags SELECT notes.id, tags.id FROM notes, tags",
    ],
)
def test_links_follow_every_statement(seed, statement):
    sql("INSERT INTO notes (user_id, title) VALUES (%s, 'other')", ADA)
    sql(statement)
    assert_links_repeat_their_notes()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change_first", [True, False])
def test_a_link_and_a_change_of_its_note_at_the_same_time(seed, change_first):
    sql("DELETE FROM note_tags")
    link = "INSERT INTO note_tags (note_id, tag_id) SELECT notes.id, tags.id FROM notes, tags"
    change = "UPDATE notes SET title = 'changed', is_archived = true"
    first, second = (change, link) if change_first else (link, change)
    with transaction.atomic():
        sql(first)
        other = in_thread(lambda: sql(second))
        wait_until_blocked()
    other.result(10)
    assert NoteTag.objects.count() == 1
    assert_links_repeat_their_notes()
