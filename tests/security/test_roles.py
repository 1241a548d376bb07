"""The database roles of the running processes."""

import subprocess
import sys

import psycopg
import pytest

from devstack.postgres import as_role
from devstack.services import GUNICORN, project_folder, with_role

SESSIONS = """
SELECT usename, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
FROM pg_stat_activity JOIN pg_roles ON rolname = usename
WHERE datname = %s AND pid <> pg_backend_pid()
"""
RELAY, CONSUMER = ["manage.py", "relay_outbox"], ["manage.py", "consume_user_events"]


@pytest.mark.parametrize("service", ["users", "notes"])
def test_each_process_has_its_own(stack, api, wait_until, service):
    """Requests, the relay and the consumer at work, and nobody is more than he has to be."""
    api.sign_in().get("/api/v1/notes/")
    database = getattr(stack, f"{service}_db")
    worker = {"users": "users_relay", "notes": "notes_consumer"}[service]
    expected = {(f"{service}_web", False), (worker, False)}
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        wait_until(lambda: set(superuser.execute(SESSIONS, [database.name]).fetchall()) == expected)


@pytest.mark.parametrize(
    ("project", "arguments", "role", "refusal"),
    [
        ("users", GUNICORN, "", "roles.E002 The database role users owns "),
        ("users", RELAY, "", "roles.E002 The database role users owns "),
        ("users", RELAY, "users_web", "roles.E001 The database role users_web may not DELETE ON o"),
        ("users", GUNICORN, "users_relay", "roles.E001 The database role users_relay may not "),
        ("notes", GUNICORN, "", "roles.E002 The database role notes owns "),
        ("notes", CONSUMER, "notes_web", "roles.E001 The database role notes_web may not "),
    ],
)
def test_another_ends_the_start(stack, project, arguments, role, refusal):
    env = stack.environment_of(project)
    if role:
        env = with_role(env, project, role)
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=project_folder(project),
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode in (1, 3), ended.stderr  # 3 is gunicorn's.
    said = ended.stdout + ended.stderr
    assert refusal in said
    assert "docs/operations.md, Database roles." in said
    assert "Traceback" not in said


def test_an_operators_command_with_a_processs_role_says_whose_it_is(stack, manage):
    url = as_role(stack.environment()["USERS_DATABASE_URL"], "users_relay")
    done = manage("users", "republish_users", USERS_DATABASE_URL=url)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("permission denied for table users: ")
    assert last.endswith("run as the owner of the tables: docs/operations.md.")


def test_the_audit_log_is_pruned_by_who_may_add_to_it(stack):
    owner = stack.environment()["USERS_DATABASE_URL"]
    prune = "SELECT prune_audit_log(365, 10)"
    with psycopg.connect(as_role(owner, "users_web")) as web:
        assert web.execute(prune).fetchone() == (0,)
    with (
        psycopg.connect(as_role(owner, "users_relay")) as relay,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="may not prune"),
    ):
        relay.execute(prune)
