"""The comparison of both sides, on the running system, and the repairs that it names."""

import itertools
import json
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
def user(api, compare):
    """A registered user, known to both sides."""
    user = api.register()
    assert compare() == {}
    return user.id


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
def repair(manage, compare, wait_until):
    """Runs a command of users_project, and waits until both sides are equal."""

    def repair(*arguments):
        ended = manage("users", *arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert compare("--settle", "60") == {}

    return repair


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


def name_of(sql, user):
    return sql("SELECT username FROM users WHERE id = %s", [user])[0][0]


def test_a_shadow_user_changed_by_hand(user, notes_sql, users_sql, compare, repair, manage):
    notes_sql("UPDATE users SET username = 'changed by hand' WHERE id = %s", [user])
    assert compare() == {user: ("changed", 1, 1)}
    assert "stale      1" in manage("notes", "rebuild_users", "--dry-run").stdout
    repair("republish_users", user)
    assert name_of(notes_sql, user) == name_of(users_sql, user)


def test_rebuilding_repairs_it_too(user, notes_sql, compare, manage):
    notes_sql("UPDATE users SET is_active = false WHERE id = %s", [user])
    assert compare() == {user: ("changed", 1, 1)}
    manage("notes", "rebuild_users").check_returncode()
    assert compare() == {}


def test_a_user_changed_without_triggers(
    stack, user, behind_the_triggers, compare, repair, manage, notes_sql
):
    name = new_name()
    behind_the_triggers(stack.users_db, "UPDATE users SET username = %s WHERE id = %s", name, user)
    assert compare() == {user: ("changed", 1, 1)}
    assert "behind   1" in manage("users", "republish_users", "--against-topic", "--dry-run").stdout
    repair("republish_users", user)
    assert name_of(notes_sql, user) == name


def test_a_user_inserted_without_triggers(stack, behind_the_triggers, compare, repair):
    user, name = str(uuid.uuid4()), new_name()
    behind_the_triggers(
        stack.users_db,
        "INSERT INTO users (id, username, email, password) VALUES (%s, %s, %s, '!')",
        *(user, name, f"{name}@{MAIL_DOMAIN}"),
    )
    assert compare("--settle", "1") == {user: ("missing", None, 1)}
    repair("republish_users", user)


def test_a_shadow_user_who_is_missing(user, notes_sql, compare, repair):
    notes_sql("DELETE FROM users WHERE id = %s", [user])
    assert compare("--settle", "1") == {user: ("missing", None, 1)}
    repair("republish_users", user)


def test_a_shadow_user_who_is_behind(user, users_sql, notes_sql, compare, repair):
    users_sql("UPDATE users SET username = %s WHERE id = %s", [new_name(), user])
    assert compare() == {}
    notes_sql("UPDATE users SET version = 1 WHERE id = %s", [user])
    assert compare("--settle", "1") == {user: ("behind", 1, 2)}
    repair("republish_users", user)


def test_a_shadow_user_who_is_ahead(user, notes_sql, users_sql, compare, repair):
    notes_sql("UPDATE users SET version = 41, username = 'ahead' WHERE id = %s", [user])
    assert compare() == {user: ("ahead", 41, 1)}
    repair("republish_users", "--above", "41", user)
    assert name_of(notes_sql, user) == name_of(users_sql, user)


def test_a_user_deleted_without_triggers(stack, user, behind_the_triggers, compare, repair):
    behind_the_triggers(stack.users_db, "DELETE FROM users WHERE id = %s", user)
    assert compare("--settle", "1") == {user: ("ghost", 1, None)}
    repair("republish_users", "--delete", "--above", "1", user)


def test_a_ghost_of_whom_the_topic_knows_nothing(user, notes_sql, compare, repair):
    """The user who is named too is none, and stays."""
    ghost = str(uuid.uuid4())
    notes_sql("INSERT INTO users (id, username, version) VALUES (%s, 'ghost', 7)", [ghost])
    assert compare("--settle", "1") == {ghost: ("ghost", 7, None)}
    repair("republish_users", "--delete", "--above", "7", ghost)
    assert notes_sql("SELECT version FROM deleted_users WHERE id = %s", [ghost]) == [(8,)]


def test_a_user_deleted_here_alone(user, notes_sql, compare, repair):
    notes_sql("DELETE FROM users WHERE id = %s", [user])
    notes_sql("INSERT INTO deleted_users (id, version) VALUES (%s, 2)", [user])
    assert compare() == {user: ("deleted", 2, 1)}
    notes_sql("DELETE FROM deleted_users WHERE id = %s", [user])
    repair("republish_users", user)


def test_under_a_load_nobody_is_named_but_who_was_changed(user, load, notes_sql, compare):
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


def test_comparing_again_and_again(stack, user, watcher, notes_sql, wait_until):
    service, lines = watcher

    def logs_next(event):
        before = len(lines())
        wait_until(lambda: any(line["event"] == event for line in lines()[before:]))
        return next(line for line in lines()[before:] if line["event"] == event)

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
    ended = manage("notes", "compare_users", COMPARISON_SECRET="another")
    assert ended.returncode == 2
    assert "COMPARISON_SECRET is not the same on both sides." in ended.stderr
