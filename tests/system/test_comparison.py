"""The comparison of both sides, on the running system, and the repairs that it names."""

import itertools
import json
import re
import threading
import uuid

import psycopg
import pytest

from devstack.services import Service
from tests.system.client import MAIL_DOMAIN, new_name

CHANGES = f"""
INSERT INTO users (email, username, password)
SELECT %(name)s || n || '@{MAIL_DOMAIN}', %(name)s || n, '!' FROM generate_series(1, 20) AS n;
UPDATE users SET username = username || '-' WHERE username LIKE %(name)s || '1%%';
DELETE FROM users WHERE username LIKE %(name)s || '1_-';
"""


@pytest.fixture
def compare(manage):
    """The exit code of `compare_users`, and the kind and versions of each user that it names."""

    def compare(*arguments, **variables):
        ended = manage("notes", "compare_users", "--json", *arguments, **variables)
        assert ended.returncode in (0, 1), ended.stderr
        document = json.loads(ended.stdout)
        assert document["equal"] == (ended.returncode == 0)
        return {
            each["id"]: (each["kind"], each["here"], each["there"])
            for each in document["differences"]
        }

    return compare


@pytest.fixture
def users(users_sql, compare):
    """Eight users whom both sides know, by what becomes of them here."""
    names = [f"{new_name()}-{number}" for number in range(8)]
    users_sql(
        "INSERT INTO users (username, email, password)"
        " SELECT name, name || %s, '!' FROM unnest(%s::text[]) AS name",
        [f"@{MAIL_DOMAIN}", names],
    )
    rows = users_sql("SELECT id FROM users WHERE username = ANY(%s)", [names])
    assert compare("--settle", "60") == {}
    return [str(user) for (user,) in rows]


@pytest.fixture
def behind_the_triggers(stack):
    """Runs a statement in a project's database without its triggers."""

    def run(database, statement, *parameters):
        with psycopg.connect(_superuser(database), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement, parameters)

    return run


def _superuser(database):
    return database.superuser_url.rpartition("/")[0] + f"/{database.name}"


@pytest.fixture
def load(stack):
    """Registers, renames and deletes users until the test ends; gives the number of rounds."""
    rounds, ended = itertools.count(), threading.Event()
    seen = [0]

    def work():
        with psycopg.connect(stack.users_db.url, autocommit=True) as connection:
            while not ended.wait(0.01):
                cursor = psycopg.ClientCursor(connection)
                cursor.execute(CHANGES, {"name": new_name()})
                seen[0] = next(rounds)

    thread = threading.Thread(target=work)
    thread.start()
    yield lambda: seen[0]
    ended.set()
    thread.join()


def test_every_kind_is_named_and_repaired_as_the_documents_say(
    stack, users, behind_the_triggers, users_sql, notes_sql, compare, manage
):
    here, there, gone, missing, behind, ahead, buried, deleted = users
    (unsent, ghost, seeded), name = (str(uuid.uuid4()) for _ in range(3)), new_name()
    notes_sql("UPDATE users SET username = 'changed by hand' WHERE id = %s", [here])
    for statement, *parameters in (
        ("UPDATE users SET username = %s WHERE id = %s", name, there),
        ("DELETE FROM users WHERE id = %s", gone),
        (
            "INSERT INTO users (id, username, email, password) VALUES (%s, %s, %s, '!')",
            *(unsent, f"{name}-2", f"{name}@{MAIL_DOMAIN}"),
        ),
    ):
        behind_the_triggers(stack.users_db, statement, *parameters)
    notes_sql("DELETE FROM users WHERE id = ANY(%s)", [[missing, buried]])
    notes_sql("UPDATE users SET version = 0, username = 'old' WHERE id = %s", [behind])
    notes_sql("UPDATE users SET version = 41, username = 'ahead' WHERE id = %s", [ahead])
    notes_sql("INSERT INTO deleted_users (id, version) VALUES (%s, 2)", [buried])
    notes_sql("INSERT INTO users (id, username, version) VALUES (%s, 'ghost', 7)", [ghost])
    notes_sql("INSERT INTO users (id, username) VALUES (%s, 'seeded')", [seeded])
    users_sql("DELETE FROM users WHERE id = %s", [deleted])
    assert compare("--settle", "5") == {
        here: ("changed", 1, 1),
        there: ("changed", 1, 1),
        gone: ("ghost", 1, None),
        unsent: ("missing", None, 1),
        missing: ("missing", None, 1),
        behind: ("behind", 0, 1),
        ahead: ("ahead", 41, 1),
        buried: ("deleted", 2, 1),
        ghost: ("ghost", 7, None),
        seeded: ("ghost", 0, None),
    }

    # Whose side is wrong.
    stale = re.search(r"stale .*", manage("notes", "rebuild_users", "--dry-run").stdout)[0]
    assert here in stale
    assert there not in stale
    against = manage("users", "reconcile_topic", "--dry-run").stdout
    assert there in re.search(r"behind .*", against)[0]
    assert here not in against

    notes_sql("DELETE FROM deleted_users WHERE id = %s", [buried])
    for arguments in (
        [here, there, unsent, missing, behind, buried],
        ["--above", "41", ahead],
        ["--delete", "--above", "7", gone, ghost],
        ["--delete", "--above", "0", seeded],
    ):
        manage("users", "republish_users", *arguments).check_returncode()
    assert compare("--settle", "60") == {}
    facts = "SELECT id, username, version FROM users WHERE id = ANY(%s) ORDER BY id"
    named = [[*users, unsent, ghost, seeded]]
    assert users_sql(facts, named) == notes_sql(facts, named)
    tombstones = notes_sql("SELECT id FROM deleted_users WHERE id = ANY(%s)", named)
    assert {str(user) for (user,) in tombstones} == {gone, ghost, seeded, deleted}


def test_rebuilding_repairs_a_shadow_user_changed_by_hand(users, notes_sql, compare, manage):
    notes_sql("UPDATE users SET is_active = false WHERE id = %s", [users[0]])
    assert compare() == {users[0]: ("changed", 1, 1)}
    manage("notes", "rebuild_users").check_returncode()
    assert compare() == {}


def test_under_a_load_nobody_is_named_but_who_was_changed(users, load, notes_sql, compare):
    user = users[0]
    for _ in range(3):
        before = load()
        assert compare("--settle", "60") == {}
        assert load() > before
    notes_sql("UPDATE users SET created_at = created_at + interval '1 s' WHERE id = %s", [user])
    assert compare("--settle", "60") == {user: ("changed", 1, 1)}
    notes_sql("UPDATE users SET created_at = created_at - interval '1 s' WHERE id = %s", [user])
    assert compare("--settle", "60") == {}


@pytest.fixture
def watcher(stack):
    """A comparison every 0.2 s; gives the events that it has logged."""
    arguments = ["manage.py", "compare_users", "--every", "0.2", "--settle", "5"]
    service = Service(
        "comparison-2",
        "notes",
        children=stack.children,
        environment=stack.environment_of,
        arguments=arguments,
    )
    service.start()
    log = stack.folder / "logs" / "comparison-2.log"
    yield service, lambda: [json.loads(line) for line in log.read_text().splitlines()]
    service.stop()


def test_comparing_again_and_again(stack, api, watcher, notes_sql, wait_until):
    service, lines = watcher

    def logs_next(event):
        before = len(lines())
        wait_until(lambda: any(line["event"] == event for line in lines()[before:]))
        return next(line for line in lines()[before:] if line["event"] == event)

    user = api.register().id
    wait_until(lambda: notes_sql("SELECT id FROM users WHERE id = %s", [user]))
    assert logs_next("users_equal")["users"] > 0
    notes_sql("UPDATE users SET is_active = false WHERE id = %s", [user])
    differ = logs_next("users_differ")
    assert (differ["counts"], differ["changed"]) == ({"changed": 1}, [user])
    notes_sql("UPDATE users SET is_active = true WHERE id = %s", [user])
    logs_next("users_equal")
    for part, reason in ((stack.users, "users_project"), (stack.notes_db, "notes_db")):
        part.stop()
        try:
            assert f"{reason} does not answer" in logs_next("users_not_compared")["reason"]
        finally:
            part.start()
            part.wait_ready()
        logs_next("users_equal")
    assert service.stop() == 0


def test_users_project_is_away(manage):
    ended = manage("notes", "compare_users", NOTES_JWKS_URL="http://127.0.0.1:1/jwks.json")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "users_project does not answer" in ended.stderr


def test_the_secrets_differ(manage):
    ended = manage("notes", "compare_users", COMPARISON_SECRET="another" * 8)
    assert ended.returncode == 2
    assert "COMPARISON_SECRET is not the same on both sides." in ended.stderr
