"""P7: what the outbox costs a registration. The same rows, with the triggers on and off.

A request goes through all of Django, with a password hasher that costs nothing. The statement
alone is pgbench's, which costs the machine little besides; its 32 writers show what waits at
commits. Nobody relays meanwhile; somebody listens, as a relay that sleeps does.
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
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, set_up_django

INSERT = """
INSERT INTO users (email, username, password)
SELECT name || '@example.com', name, '!' FROM (SELECT gen_random_uuid()::text AS name);
"""
URL = os.environ["USERS_DATABASE_URL"]


def run(run: Run) -> Iterator[Ratio]:
    set_up_django("users")
    script = run.folder / "insert.sql"
    script.write_text(INSERT)
    requests = run.size(200, 3)
    yield _compare(run, "a registration ÷ without the outbox", requests, lambda: _post(requests))
    for writers in (1, 32):
        each = run.size(640 // writers, 2)
        yield _compare(
            run,
            f"its INSERT, {writers} writer{'s' * (writers > 1)} ÷ without",
            writers * each,
            lambda writers=writers, each=each: _insert(script, writers, each),
        )


def _compare(run: Run, what: str, users: int, register: Callable[[], float]) -> Ratio:
    def side(triggers: str) -> Sample:
        with psycopg.connect(URL, autocommit=True) as connection:
            connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
            connection.execute("TRUNCATE users CASCADE")
            connection.execute("TRUNCATE outbox")
            connection.execute(f"ALTER TABLE users {triggers} TRIGGER USER")
            connection.execute("LISTEN outbox")
            with timed(*pids("users_db")) as taken:
                wall = register()
            _, cpu = taken()
            _check(connection, users, events=users if triggers == "ENABLE" else 0)
        return Sample(wall / users * 1e6, cpu)

    side("ENABLE"), side("DISABLE")  # to be warm
    measured = in_turn(run.rounds, outbox=lambda: side("ENABLE"), bare=lambda: side("DISABLE"))
    return Ratio("P7", what, "µs", 1.3, True, pairs(measured, "outbox", "bare"))


def _check(connection: psycopg.Connection, users: int, events: int) -> None:
    found = connection.execute("SELECT count(*) FROM users").fetchone()[0]
    assert found == users, (found, users)
    found = connection.execute(
        "SELECT count(*) FROM outbox JOIN users ON users.id::text = aggregateid"
        " WHERE type = 'user.created.v1' AND payload #>> '{data,username}' = username"
    ).fetchone()[0]
    assert found == events, (found, events)


def _post(count: int) -> float:
    """Registers so many users. Returns how many seconds it took."""
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
    """As above, without the time in which pgbench connects."""
    command = [binaries() / "pgbench", "--no-vacuum", f"--file={script}", f"--client={writers}"]
    command += [f"--jobs={min(writers, 2)}", f"--transactions={each}", URL]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "number of failed transactions: 0 " in output, output
    return writers * each / float(re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)[1])
