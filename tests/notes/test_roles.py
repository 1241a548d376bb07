"""What the database roles of the processes may do; how a process asks, tests/users has."""

import pytest
from django.db import ProgrammingError, connection, transaction
from psycopg.errors import InsufficientPrivilege

from config import roles
from config.privileges import PRIVILEGES

TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""
# Django's, which nothing here uses: users_project has the accounts.
OWNERS_ALONE = {"auth_group", "auth_group_permissions", "auth_permission", "django_session"}

pytestmark = pytest.mark.django_db


def rows(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def refused():
    def as_role(role, statement):
        with transaction.atomic():
            rows(f"SET LOCAL ROLE {role}")
            rows(statement)

    def refused(role, statement):
        with pytest.raises(ProgrammingError) as error:
            as_role(role, statement)
        return isinstance(error.value.__cause__, InsufficientPrivilege)

    return refused


def test_each_role_may_do_what_the_table_says():
    assert roles.granted(PRIVILEGES) == roles.wanted(PRIVILEGES)


def test_no_table_is_forgotten():
    named = {table for privileges in PRIVILEGES.values() for table in privileges}
    assert named | OWNERS_ALONE == {name for (name,) in rows(TABLES)}
    assert not named & OWNERS_ALONE


def test_the_consumer_reads_no_note(refused, user):
    with transaction.atomic():
        rows("SET LOCAL ROLE notes_consumer")
        assert rows("SELECT id, user_id FROM notes") == []
        rows("RESET ROLE")
    for statement in ("SELECT title FROM notes", "SELECT FROM note_versions", "SELECT FROM tags"):
        assert refused("notes_consumer", statement)


def test_the_web_server_moves_no_position_and_changes_no_record(refused):
    for statement in (
        "UPDATE positions SET next_offset = 0",
        "DELETE FROM event_log",
        "UPDATE event_log SET outcome = 'applied'",
        "UPDATE dead_letters SET value = ''",
        "INSERT INTO dead_letters (topic) VALUES ('')",
        "DELETE FROM deleted_users",
        "CREATE TEMPORARY TABLE mine (id uuid)",
    ):
        assert refused("notes_web", statement)
