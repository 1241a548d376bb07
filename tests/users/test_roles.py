"""What the database roles of the processes may do, and that a process asks for its own."""

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.errors import InsufficientPrivilege

from config import roles
from config.privileges import PRIVILEGES

TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""
# What everybody may do: with tables, the schema but for its use, the database, and triggers that
# run as the owner.
EVERYBODYS = """
SELECT relname, privilege_type FROM pg_class, aclexplode(relacl)
WHERE relnamespace = 'public'::regnamespace AND grantee = 0
UNION ALL
SELECT proname, privilege_type
FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
WHERE pronamespace = 'public'::regnamespace AND prosecdef AND prorettype = 'trigger'::regtype
    AND grantee = 0
UNION ALL
SELECT nspname, privilege_type FROM pg_namespace, aclexplode(nspacl)
WHERE nspname = 'public' AND grantee = 0 AND privilege_type <> 'USAGE'
UNION ALL
SELECT datname, privilege_type FROM pg_database, aclexplode(datacl)
WHERE datname = current_database() AND grantee = 0
"""
# As its owner a function without a path of its own could be made to call another's.
WITHOUT_PATH = """
SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
    AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=public, pg_temp']
"""
OWNERS_ALONE = set()

pytestmark = pytest.mark.django_db


def rows(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def as_role():
    """Does what it is given as that role, and gives its rows; the transaction goes on."""

    def run(role, *statements):
        with transaction.atomic():
            rows(f"SET LOCAL ROLE {role}")
            found = [rows(statement) for statement in statements]
            rows("RESET ROLE")
        return found[-1]

    return run


@pytest.fixture
def refused(as_role):
    def refused(role, *statements):
        with pytest.raises(ProgrammingError) as error:
            as_role(role, *statements)
        return isinstance(error.value.__cause__, InsufficientPrivilege)

    return refused


def test_each_role_may_do_what_the_table_says():
    assert roles.granted(PRIVILEGES) == roles.wanted(PRIVILEGES)


def test_no_table_is_forgotten():
    named = {table for privileges in PRIVILEGES.values() for table in privileges}
    assert named | OWNERS_ALONE == {name for (name,) in rows(TABLES)}
    assert not named & OWNERS_ALONE


def test_everybody_may_do_nothing():
    assert rows(EVERYBODYS) == []
    assert rows(WITHOUT_PATH) == []


def test_migrating_mends_what_differs():
    role, table = next((role, min(tables)) for role, tables in PRIVILEGES.items())
    rows(f"GRANT TRUNCATE ON {table} TO {role}")
    rows(f"REVOKE SELECT ON {table} FROM {role}")
    rows("GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert rows(EVERYBODYS) == [("public", "CREATE")]
    assert roles.granted(PRIVILEGES) != roles.wanted(PRIVILEGES)
    roles.grant()
    assert roles.granted(PRIVILEGES) == roles.wanted(PRIVILEGES)
    assert rows(EVERYBODYS) == []
    with CaptureQueriesContext(connection) as queries:
        roles.grant()
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


def test_the_web_server_writes_the_outbox_by_changing_users_alone(as_role, refused):
    as_role("users_web", "INSERT INTO users (email, username, password) VALUES ('a@b', 'ada', '!')")
    as_role("users_web", "UPDATE users SET username = 'grace'", "DELETE FROM users")
    kinds = "SELECT type FROM outbox ORDER BY position"
    types = ["user.created.v1", "user.updated.v1", "user.deleted.v1"]
    assert [kind for (kind,) in as_role("users_web", kinds)] == types
    forged = "INSERT INTO outbox (aggregatetype, type, payload) VALUES ('user', 'x', '{}')"
    for statement in (forged, "UPDATE outbox SET type = 'x'", "DELETE FROM outbox"):
        assert refused("users_web", statement)


def test_nobody_else_has_a_trigger_write_it(refused):
    assert refused("users_web", "CREATE TEMPORARY TABLE added (id uuid)")
    assert refused("users_web", "CREATE TABLE added (id uuid)")
    trigger = (
        "CREATE TRIGGER forge AFTER INSERT ON mine REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION users_capture_insert()"
    )
    rows("CREATE TEMPORARY TABLE mine (LIKE users)")
    rows("GRANT TRIGGER ON mine TO users_web")
    assert refused("users_web", trigger)


def test_the_web_server_counts_attempts_and_no_more(as_role, refused):
    """Requests of the other tests are this role's, so it may do what it needs."""
    as_role("users_web", "UPDATE attempts SET count = 1, ends_at = now()")
    assert refused("users_web", "UPDATE attempts SET key = 'x'")
    assert refused("users_web", "TRUNCATE attempts")
    assert refused("users_relay", "SELECT FROM attempts")


def test_the_web_server_dates_no_entry_of_the_audit_log(as_role, refused):
    as_role("users_web", "INSERT INTO audit_log (event) VALUES ('deleted')")
    as_role("users_web", "SELECT prune_audit_log(365, 10)")
    for column, value in (("at", "now()"), ("id", "1")):
        entry = f"INSERT INTO audit_log (event, {column}) VALUES ('deleted', {value})"
        assert refused("users_web", entry), column


def test_the_web_server_changes_no_entry_of_it():
    """Nor would it without the triggers, which refuse that to everybody."""
    held = {each.name for each in roles.granted(["users_web"]) if each.table == "audit_log"}
    assert held == {"SELECT", "INSERT"}


def test_the_relay_reads_and_deletes_rows_of_the_outbox(as_role, refused):
    as_role("users_relay", "SELECT * FROM outbox", "DELETE FROM outbox")
    assert refused("users_relay", "SELECT FROM users")
    assert refused("users_relay", "UPDATE outbox SET type = 'x'")


@pytest.mark.django_db(transaction=True)
class TestAtTheStart:
    """The connection is closed afterwards, so what it had set is gone."""

    def test_its_own_role_is_what_a_process_needs(self, log):
        for role in PRIVILEGES:
            rows(f"SET ROLE {role}")
            roles.require(role)
        assert not log.getvalue()

    def test_a_role_that_may_less(self):
        rows("SET ROLE users_relay")
        with pytest.raises(roles.WrongRole) as refusal:
            roles.require("users_web")
        assert str(refusal.value).startswith(
            "roles.E001 The database role users_relay may not DELETE ON attempts and "
        )
        assert "Connect as users_web." in str(refusal.value)

    def test_the_owner_where_there_is_another(self):
        with pytest.raises(roles.WrongRole) as refusal:
            roles.require("users_relay")
        text = str(refusal.value)
        owner = rows("SELECT current_user")[0][0]
        assert text.startswith(f"roles.E002 The database role {owner} owns the tables, ")
        assert "Connect as users_relay" in text

    def test_the_owner_where_there_is_no_other(self, monkeypatch, log):
        monkeypatch.setitem(PRIVILEGES, "users_nobody", PRIVILEGES["users_relay"])
        roles.require("users_nobody")
        assert "one_database_role" in log.getvalue()
        roles.grant()  # Nor has it anything to grant to that role.

    def test_a_column_may_be_all_of_a_table_that_is_needed(self, monkeypatch):
        monkeypatch.setitem(PRIVILEGES, "users_relay", {"outbox": "SELECT (type), DELETE"})
        roles.grant()
        assert roles.granted(["users_relay"]) == roles.wanted(["users_relay"])
        rows("SET ROLE users_relay")
        roles.require("users_relay")
        monkeypatch.undo()
        roles.grant()
        assert roles.granted(PRIVILEGES) == roles.wanted(PRIVILEGES)


def test_migrations_that_are_missing_are_not_the_roles_fault(monkeypatch):
    later = PRIVILEGES["users_relay"] | {"of_the_next_release": "SELECT"}
    monkeypatch.setitem(PRIVILEGES, "users_relay", later)
    roles.grant()
