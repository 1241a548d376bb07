"""P7: what the outbox costs a registration. The same rows, with the triggers on and off.

A relay runs, as it always does. A request goes through all of Django, with a password hasher that
costs nothing. The statement alone is pgbench's, which costs the machine little besides; its 32
writers show what waits at commits.
"""

import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from devstack.postgres import binaries
from devstack.processes import Process, wait_until
from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, service, set_up_django

INSERT = """
INSERT INTO users (email, username, password)
SELECT name || '@example.com', name, '!' FROM (SELECT gen_random_uuid()::text AS name);
"""
URL = os.environ["USERS_DATABASE_URL"]


def run(run: Run) -> Iterator[Ratio]:
    set_up_django("users")
    script = run.folder / "insert.sql"
    script.write_text(INSERT)
    topic, requests, each = topics.create(), run.size(200, 3), run.size(50, 2)
    command = ("users", "manage.py", "relay_outbox")
    with service(*command, ready="relay_active", KAFKA_TOPIC=topic) as relay:

        def compare(what: str, users: int, register: Callable[[], float]) -> Ratio:
            measured = in_turn(
                run.rounds,
                outbox=lambda: _side(topic, relay, users, register),
                bare=lambda: _side(None, relay, users, register),
            )
            return Ratio("P7", what, "µs", 1.3, True, pairs(measured, "outbox", "bare"))

        _post(1)
        yield compare("a registration ÷ without the outbox", requests, lambda: _post(requests))
        yield compare(
            "its INSERT, 32 writers ÷ without", 32 * each, lambda: _insert(script, 32, each)
        )


def _side(topic: str | None, relay: Process, users: int, register: Callable[[], float]) -> Sample:
    """Args: register: registers so many users, and returns how many seconds it took."""
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
        connection.execute("TRUNCATE users CASCADE")
        if topic:
            connection.execute("ALTER TABLE users ENABLE TRIGGER USER")
        _wait_until_sent(connection)
        before = topics.ends(topic) if topic else []
        with timed(*pids("users_db")) as taken, timed(relay.pid) as relayed:
            wall = register()
        cpu = taken()[1] - relayed()[1]
        _check(connection, users, topic, before)
    return Sample(wall / users * 1e6, cpu / users)


def _check(
    connection: psycopg.Connection, users: int, topic: str | None, before: list[int]
) -> None:
    """That the users are there, and in the topic the event of each, or none without the outbox."""
    names = {row[0] for row in connection.execute("SELECT username FROM users")}
    assert len(names) == users, (len(names), users)
    _wait_until_sent(connection)
    if topic:
        events = [json.loads(value) for value in topics.read(topic, before)]
        assert sorted(event["data"]["username"] for event in events) == sorted(names)


def _wait_until_sent(connection: psycopg.Connection) -> None:
    def sent() -> bool:
        return connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)

    assert wait_until(sent, 60)


def _post(count: int) -> float:
    from django.core.handlers.wsgi import WSGIHandler
    from django.test.client import RequestFactory
    from django.test.utils import override_settings

    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers):
        handler, factory = WSGIHandler(), RequestFactory(headers={"host": "localhost"})
        statuses: list[str] = []
        start = time.perf_counter()
        for _ in range(count):
            name = uuid.uuid4().hex
            body = {"email": f"{name}@example.com", "username": name, "password": "correct horse 9"}
            request = factory.post("/api/v1/users/", json.dumps(body), "application/json")
            handler(request.environ, lambda status, *_: statuses.append(status)).close()
        taken = time.perf_counter() - start
    assert set(statuses) == {"201 Created"}, statuses
    return taken


def _insert(script: Path, writers: int, each: int) -> float:
    """Without the time in which pgbench connects."""
    command = [binaries() / "pgbench", "--no-vacuum", f"--file={script}", f"--client={writers}"]
    command += [f"--jobs={min(writers, 2)}", f"--transactions={each}", URL]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "number of failed transactions: 0 " in output, output
    return writers * each / float(re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)[1])
