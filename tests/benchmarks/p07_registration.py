"""P7: what the outbox costs a registration. The same rows, with the triggers on and off.

A request goes through all of Django, with a password hasher that costs nothing. The statement alone
is pgbench's, which costs the machine little besides; its 32 writers show what waits at commits. A
relay shares the machine, so the 32 are measured with one and without; its CPU time is not counted.
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
from devstack.processes import wait_until
from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, service, set_up_django

INSERT = """
INSERT INTO users (email, username, password)
SELECT name || '@example.com', name, '!' FROM (SELECT gen_random_uuid()::text AS name);
"""
Relay = tuple[str, int] | None
"""The topic of a running relay, and its process."""
URL = os.environ["USERS_DATABASE_URL"]


def run(run: Run) -> Iterator[Ratio]:
    set_up_django("users")
    script = run.folder / "insert.sql"
    script.write_text(INSERT)
    requests, each = run.size(200, 3), run.size(300, 2)

    def compare(
        what: str,
        users: int,
        register: Callable[[], float],
        relay: Relay,
        target: float | None = None,
    ) -> Ratio:
        measured = in_turn(
            run.rounds,
            outbox=lambda: _side("ENABLE", users, register, relay),
            bare=lambda: _side("DISABLE", users, register, relay),
        )
        return Ratio("P7", what, "µs", target, True, pairs(measured, "outbox", "bare"))

    def insert() -> float:
        return _insert(script, 32, each)

    topic = topics.create()
    arguments = ("users", "manage.py", "relay_outbox")
    try:
        with service(*arguments, ready="relay_active", KAFKA_TOPIC=topic) as process:
            relay = (topic, process.pid)
            _post(1)
            what = "a registration ÷ without the outbox"
            yield compare(what, requests, lambda: _post(requests), relay, target=1.3)
            what = "its INSERT, 32 writers and the relay ÷ without"
            yield compare(what, 32 * each, insert, relay)
        yield compare("its INSERT, 32 writers ÷ without", 32 * each, insert, None)
    finally:
        with psycopg.connect(URL, autocommit=True) as connection:
            connection.execute("ALTER TABLE users ENABLE TRIGGER USER")
            connection.execute("TRUNCATE outbox")


def _side(triggers: str, users: int, register: Callable[[], float], relay: Relay) -> Sample:
    """Args: register: registers so many users, and returns how many seconds it took."""
    with psycopg.connect(URL, autocommit=True) as connection:
        if relay:
            _wait_until_sent(connection)
        connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
        connection.execute("TRUNCATE users, outbox CASCADE")
        connection.execute(f"ALTER TABLE users {triggers} TRIGGER USER")
        before = topics.ends(relay[0]) if relay else []
        with timed(*pids("users_db")) as taken, timed(*(relay[1:] if relay else ())) as relayed:
            wall = register()
        cpu = taken()[1] - relayed()[1]
        names = {row[0] for row in connection.execute("SELECT username FROM users")}
        assert len(names) == users, (len(names), users)
        if relay:
            _wait_until_sent(connection)
            events = [json.loads(value) for value in topics.read(relay[0], before)]
        else:
            events = [row[0] for row in connection.execute("SELECT payload FROM outbox")]
    expected = sorted(names) if triggers == "ENABLE" else []
    assert sorted(event["data"]["username"] for event in events) == expected
    return Sample(wall / users * 1e6, cpu / users)


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
