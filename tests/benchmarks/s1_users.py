"""S1: the commands that go through all users, on 10⁶ of them beside 10⁴: memory, and time per user.

Between them the relay and the consumer bring the users to notes_db, as they would.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg

from devstack import environment
from devstack.processes import wait_until
from devstack.services import GUNICORN, project_folder
from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample
from tests.benchmarks.servers import service

_COMPARISONS = (
    ("users", "reconcile_topic", "--dry-run"),
    ("notes", "rebuild_users", "--dry-run"),
    ("notes", "compare_users"),
)
_REMOVE = "DELETE FROM users WHERE id = (SELECT id FROM users ORDER BY id LIMIT 1 OFFSET %s)"


def run(run: Run) -> Iterator[Ratio]:
    _manage("users", "", 1, "rotate_signing_key")  # Without a key no web server starts.
    few = _measure(run.size(10**4, 100), find_one=True)
    many = _measure(run.size(10**6, 200))
    for name in few:
        # It holds a digest for each of 65536 ranges of ids, and 10⁴ users have not filled them.
        memory = 1.5 if name == "compare_users" else 1.1
        for value, (what, unit, target) in enumerate(
            (("peak memory", "bytes", memory), ("time per user", "µs per user", 2))
        ):
            rounds = [(Sample(many[name][value]), Sample(few[name][value]))]
            yield Ratio("S1", f"{name}: {what}, 10⁶ ÷ 10⁴", unit, target, True, rounds)


def _measure(users: int, *, find_one: bool = False) -> dict[str, tuple[float, float]]:
    """Peak memory in bytes, and microseconds for each user, of each command.

    Args:
        find_one: also remove a user, which the comparison has to find.
    """
    topic = topics.create()
    with (
        psycopg.connect(os.environ["USERS_DATABASE_URL"], autocommit=True) as users_db,
        psycopg.connect(os.environ["NOTES_DATABASE_URL"], autocommit=True) as notes_db,
    ):
        _fill(users_db, users)
        notes_db.execute("TRUNCATE users, deleted_users, event_log CASCADE")
        results = {"republish_users": _manage("users", topic, users, "republish_users")}
        assert _count(users_db, "outbox") == users
        relay = ("users", "manage.py", "relay_outbox")
        consumer = ("notes", "manage.py", "consume_user_events")
        with (
            service(*relay, ready="relay_active", KAFKA_TOPIC=topic),
            service(*consumer, ready="consumer_started", KAFKA_TOPIC=topic, KAFKA_GROUP_ID=topic),
        ):
            assert wait_until(lambda: _count(notes_db, "users") == users, 3600, every=2)
        with service("users", *GUNICORN, ready="Listening at"):
            for project, *arguments in _COMPARISONS:
                # Exit code 0: no user differs.
                results[" ".join(arguments)] = _manage(project, topic, users, *arguments)
            if find_one:
                notes_db.execute(_REMOVE, [0])
                users_db.execute("ALTER TABLE users DISABLE TRIGGER USER")
                users_db.execute(_REMOVE, [1])
                for project, *arguments in _COMPARISONS:
                    _manage(project, topic, users, *arguments, code=1)
    return results


def _fill(connection: psycopg.Connection, users: int) -> None:
    connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
    connection.execute("TRUNCATE users, outbox CASCADE")
    connection.execute(
        "INSERT INTO users (email, username, password)"
        " SELECT n || '@example.com', n, '!' FROM generate_series(1, %s) AS n",
        [users],
    )
    connection.execute("ALTER TABLE users ENABLE TRIGGER USER")


def _count(connection: psycopg.Connection, table: str) -> int:
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def _manage(
    project: str, topic: str, users: int, *arguments: str, code: int = 0
) -> tuple[float, float]:
    """Runs a management command. Its progress lines come out on standard error."""
    variables = environment.of_project(project, os.environ | {"KAFKA_TOPIC": topic})
    command = [sys.executable, "manage.py", *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=project_folder(project), env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    assert os.waitstatus_to_exitcode(status) == code
    return usage.ru_maxrss * 1024, taken / users * 1e6
