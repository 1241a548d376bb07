"""P13: how much of the cores sign-ins turn into hashes, and what a flood of them does to readers.

users_project runs as in production, with bcrypt's full cost. One hash is timed in this process,
alone; so many a second as that gives on all cores is the most that there could be. Readers ask
notes_project for one note, fifty times a second, whatever the answers take.
"""

import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles

import psycopg

from devstack.ports import free_ports
from devstack.services import GUNICORN
from tests.benchmarks import web
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, service, set_up_django

CORES = len(os.sched_getaffinity(0))
# As many as the two workers of users_project have threads: more would wait for each other.
CONNECTIONS = 8
READS_PER_SECOND = 50
USERS = 8
PASSWORD = "Kestrel over the moor"
HEADERS = {"Host": "localhost", "Content-Type": "application/json"}


def run(run: Run) -> Iterator[Ratio]:
    set_up_django("users")
    from accounts.keys import rotate

    keys = run.folder / "signing-keys"
    rotate(keys)
    hashed = _register()
    web.fill(web.URL, run.size(10_000, 100))
    logins, hashes = run.size(60, 2), run.size(10, 1)
    with _users_project(keys) as users, web.notes_project() as notes:
        users.sign_in(range(CONNECTIONS))  # warm
        measured = in_turn(
            run.rounds,
            logins=lambda: _logins(users, logins),
            hashes=lambda: _hashes(hashed, hashes),
        )
        yield Ratio(
            *("P13", "sign-ins a second ÷ (cores ÷ the time of one hash)", "1/s", 0.85, False),
            rounds=pairs(measured, "logins", "hashes"),
        )
        reads = run.size(400, 4)
        _reads(notes, reads)  # warm
        measured = in_turn(
            run.rounds,
            flood=lambda: _during_a_flood(users, notes, reads),
            quiet=lambda: _reads(notes, reads),
        )
        yield Ratio(
            *("P13", "reading a note in a flood of sign-ins, p99 ÷ without", "ms", 2, True),
            rounds=pairs(measured, "flood", "quiet"),
        )


class Users:
    """The web server of users_project."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self._port = port

    def sign_in(self, numbers: Iterator[int] | range) -> int:
        """Signs somebody in for each number, over one connection. Gives how many it were."""
        connection, count = HTTPConnection("127.0.0.1", self._port), 0
        for number in numbers:
            body = {"username": f"ada{number % USERS}", "password": PASSWORD}
            connection.request("POST", "/api/v1/auth/token/", json.dumps(body), HEADERS)
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert (response.status, answer.get("token_type")) == (200, "Bearer"), answer
            count += 1
        connection.close()
        return count


@contextmanager
def _users_project(keys: Path) -> Iterator[Users]:
    port = free_ports()
    variables = {"USERS_BIND": f"127.0.0.1:{port}", "USERS_SIGNING_KEYS_DIR": str(keys)}
    with service("users", *GUNICORN, ready="Booting worker", **variables) as process:
        yield Users(process.pid, port)


def _register() -> str:
    """Those who sign in, all with one password. Returns its hash."""
    from django.contrib.auth.hashers import make_password

    hashed = make_password(PASSWORD)
    with psycopg.connect(os.environ["USERS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DELETE FROM users")
        connection.execute(
            "INSERT INTO users (email, username, password)"
            " SELECT name || '@example.com', name, %s FROM generate_series(0, %s) AS n,"
            " LATERAL (SELECT 'ada' || n AS name) AS named",
            [hashed, USERS - 1],
        )
    return hashed


def _logins(users: Users, count: int) -> Sample:
    """Sign-ins a second."""
    numbers = [range(first, count, CONNECTIONS) for first in range(min(count, CONNECTIONS))]
    roots = (users.pid, *pids("users_db"))
    with timed(*roots) as taken, ThreadPoolExecutor(CONNECTIONS) as pool:
        assert sum(pool.map(users.sign_in, numbers)) == count
    wall, cpu = taken()
    return Sample(count / wall, cpu / count)


def _hashes(hashed: str, count: int) -> Sample:
    """Hashes a second, as many as all cores could do if each were as fast as one is alone."""
    from django.contrib.auth.hashers import check_password

    with timed(os.getpid()) as taken:
        assert all(check_password(PASSWORD, hashed) for _ in range(count))
    wall, cpu = taken()
    return Sample(CORES * count / wall, cpu / count)


def _reads(notes: web.Server, count: int) -> Sample:
    """p99 of the time of a read, ms; from when it was due, so that none hides behind a slow one."""
    found = notes.ask("GET", "/api/v1/notes/?limit=20")["results"]
    times, turns = [], itertools.count()
    start = time.perf_counter()

    def read(_: int) -> None:
        connection = HTTPConnection("127.0.0.1", notes.port)
        while (number := next(turns)) < count:
            due = start + number / READS_PER_SECOND
            time.sleep(max(0, due - time.perf_counter()))
            note = found[number % len(found)]
            connection.request("GET", f"/api/v1/notes/{note['id']}/", headers=notes.headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert (response.status, answer["title"]) == (200, note["title"])
            times.append(time.perf_counter() - due)
        connection.close()

    with ThreadPoolExecutor(web.CONNECTIONS) as pool:
        list(pool.map(read, range(web.CONNECTIONS)))
    return Sample(quantiles(times, n=100)[98] * 1000)


def _during_a_flood(users: Users, notes: web.Server, reads: int) -> Sample:
    ended = threading.Event()

    def until_ended() -> Iterator[int]:
        return itertools.takewhile(lambda _: not ended.is_set(), itertools.count())

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        flood = [pool.submit(users.sign_in, until_ended()) for _ in range(CONNECTIONS)]
        try:
            sample = _reads(notes, reads)
        finally:
            ended.set()
        assert sum(each.result() for each in flood) > 0
    return sample
