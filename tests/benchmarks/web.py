"""Web servers of one worker, on the same notes, and clients that keep them busy."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import jwt
import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack.ports import free_ports
from devstack.processes import Children, wait_until
from devstack.services import GUNICORN
from tests.benchmarks.frame import Sample, timed
from tests.benchmarks.servers import pids, service
from tests.notes.issuer import Account, Issuer

URL = os.environ["NOTES_DATABASE_URL"]
USER = uuid.UUID("7f3c0000-0000-4000-8000-000000000001")
# As many as a worker of notes_project has threads, and so connections to its database.
CONNECTIONS = 4
# Of all users: the table of their names is shared.
TAGS = 2000
_LIFE = 86_400  # of a token, seconds

_FILL = """
TRUNCATE users, tags CASCADE;
INSERT INTO users (id, username) VALUES ('{user}', 'ada');
INSERT INTO tags (id, name)
SELECT md5('tag' || n)::uuid, 'tag ' || n FROM generate_series(1, {tags}) AS n;
INSERT INTO notes (id, user_id, title, content, created_at, updated_at)
SELECT md5('note' || n)::uuid, '{user}', 'Note ' || n, rpad('', 200, md5(n::text)),
    time, time FROM generate_series(1, {notes}) AS n,
    LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '1 s' AS time) AS at;
INSERT INTO note_tags (note_id, tag_id)
SELECT md5('note' || n)::uuid, md5('tag' || (n + 7 * k) % {tags} + 1)::uuid
FROM generate_series(1, {notes}) AS n, generate_series(1, 3) AS k;
"""


def fill(url: str, notes: int) -> None:
    """One user with so many notes, of three tags each; the same in every database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL.format(user=USER, notes=notes, tags=TAGS))
        connection.execute("VACUUM ANALYZE")


def execute_in_bulk(connection: psycopg.Connection, statements: str, tables: list[str]) -> None:
    """Without triggers, and with the tables' indexes made at the end: else it takes hours."""
    query = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)"
    indexes = connection.execute(f"{query} AND indexname NOT LIKE '%%_pkey'", [tables]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    for table in tables:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    connection.execute(statements)
    for table in tables:
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("VACUUM ANALYZE")


@dataclass
class Server:
    pid: int
    port: int
    headers: dict[str, str]

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        return json.loads(self._ask(HTTPConnection("127.0.0.1", self.port), method, path, body))

    def measure(self, count: int, request: Callable[[int], tuple]) -> Sample:
        """Sends so many requests over a few connections.

        Args:
            request: gives the arguments of ``ask`` for each number.

        Returns:
            The CPU time of the web server in a request, µs; and with PostgreSQL's, s.
        """

        def send(first: int) -> None:
            connection = HTTPConnection("127.0.0.1", self.port)
            for number in range(first, count, CONNECTIONS):
                self._ask(connection, *request(number))
            connection.close()

        database = pids("notes_db")[:-1]
        with (
            timed(self.pid) as web,
            timed(self.pid, *database) as both,
            ThreadPoolExecutor(CONNECTIONS) as pool,
        ):
            list(pool.map(send, range(CONNECTIONS)))
        return Sample(web()[1] / count * 1e6, both()[1] / count)

    def _ask(
        self, connection: HTTPConnection, method: str, path: str, body: dict | None = None
    ) -> bytes:
        connection.request(method, path, body and json.dumps(body), self.headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status in (200, 201), answer
        return answer


@contextmanager
def notes_project(url: str = URL) -> Iterator[Server]:
    """With one worker. Args: url: of its database."""
    port, issuer = free_ports(), Issuer()
    token = issuer.token(Account(id=USER), exp=int(time.time()) + _LIFE)
    variables = {
        "NOTES_BIND": f"127.0.0.1:{port}",
        "NOTES_DATABASE_URL": url,
        "WEB_WORKERS": "1",
    }
    with issuer.serving():
        variables["NOTES_JWKS_URL"] = issuer.url
        with service("notes", *GUNICORN, ready="Booting worker", **variables) as process:
            yield Server(process.pid, port, _headers(token))


@contextmanager
def express(folder: Path, script: str, url: str) -> Iterator[Server]:
    """A script of Node.js that is set by ``PORT``, ``DATABASE_URL`` and ``JWT_PUBLIC_KEY``."""
    port, key = free_ports(), rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = jwt.encode({"sub": str(USER), "exp": int(time.time()) + _LIFE}, key, "RS256")
    variables = {
        "PORT": str(port),
        "DATABASE_URL": url,
        "JWT_PUBLIC_KEY": public.decode(),
        "POOL": str(CONNECTIONS),
        "WORKERS": "1",
        "ROLE": "web",
        "NODE_ENV": "production",
    }
    logs = Path(os.environ["BENCHMARK_FOLDER"]) / "logs"
    process = Children(logs).start(
        folder.name, ["node", script], folder=folder, env=os.environ | variables
    )
    try:
        assert wait_until(partial(_listens, port), 60), process.last_lines()
        yield Server(process.pid, port, _headers(token))
    finally:
        process.stop()


def alike(note: dict) -> tuple:
    """What a note says, whichever server says it."""
    text = note["content"] if "content" in note else note["excerpt"]
    archived = note["is_archived"] if "is_archived" in note else note["isArchived"]
    times = [
        datetime.fromisoformat(note[old] if old in note else note[new])
        for old, new in (("created_at", "createdAt"), ("updated_at", "updatedAt"))
    ]
    return note["id"], note["title"], text, archived, sorted(note["tags"]), *times


def _headers(token: str) -> dict[str, str]:
    return {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token}",
    }


def _listens(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True
