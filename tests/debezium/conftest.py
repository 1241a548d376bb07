"""The stack on a users_db whose log can be read, and a worker of Kafka Connect beside it.

Both are set up by the statements and commands of docs/debezium/README.md.
"""

import argparse
import os
import shlex
from contextlib import contextmanager

import psycopg
import pytest
import requests

from devstack import postgres, processes
from devstack.ports import Ports
from devstack.stack import Stack
from tests.debezium.connect import FOLDER, Connect
from tests.docs import documents
from tests.system.conftest import (  # noqa: F401
    manage,
    notes_sql,
    pytest_runtest_makereport,
)

README = (FOLDER / "README.md").read_text()
AS_SUPERUSER, AS_OWNER, DROP_SLOT = documents.blocks(README, "sql")
START_CONNECTOR, STOP_CONNECTOR = documents.blocks(README, "sh")
PASSWORD = "a password of the tests"


@pytest.fixture(scope="session")
def users_db(tmp_path_factory):
    with postgres.temporary("users_db", tmp_path_factory.mktemp("postgres"), roles=False) as server:
        execute(server.superuser_url, AS_SUPERUSER.replace("'PASSWORD'", f"'{PASSWORD}'"))
        server.stop()
        server.start()
        server.wait_ready()
        yield server


@pytest.fixture(scope="session")
def stack(users_db, tmp_path_factory):
    """As it is before Debezium: the relay runs."""
    servers = {"USERS_DATABASE_URL": users_db.url}
    folder = tmp_path_factory.mktemp("stack")
    with Stack(folder, Ports.free(), servers=servers, durable=False) as stack:
        execute(users_db.url, AS_OWNER)
        yield stack


@pytest.fixture(scope="session")
def wait_until():
    """`wait_until(condition)` fails where the condition does not come to hold.

    Three Java programs share the machine with whatever else it does: minutes, not seconds.
    """

    def wait(condition):
        assert processes.wait_until(condition, 240), "not within 240 s"

    return wait


@pytest.fixture(scope="session")
def worker(stack, users_db, tmp_path_factory):
    """Starts a worker of Kafka Connect for the length of a block."""
    folder = tmp_path_factory.mktemp("connect")
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": stack.kafka.bootstrap_servers,
        "KAFKA_TOPIC": "user-events",
        "USERS_DATABASE_HOST": "127.0.0.1",
        "USERS_DATABASE_PORT": str(users_db.port),
        "DEBEZIUM_PASSWORD": PASSWORD,
    }

    @contextmanager
    def worker(name):
        worker = Connect(name, stack.children, folder, environment)
        worker.start()
        try:
            worker.wait_ready()
            yield worker
        finally:
            worker.stop()

    return worker


@pytest.fixture(scope="session")
def connect(worker):
    with worker("connect") as connect:
        yield connect


@pytest.fixture(scope="session")
def users_sql(users_db):
    """Runs a statement in users_db and gives its rows."""

    def run(statement, parameters=None):
        with psycopg.connect(users_db.url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def move(stack, connect, users_db, wait_until):
    """``move.to_debezium()`` and ``move.back()``, by the commands of the README.

    After the test the relay runs and all is as before.
    """
    move = Move(stack, connect, users_db, wait_until)
    yield move
    for part in (stack.kafka, connect):
        part.start()
        part.wait_ready()
    if not stack.relay.running:
        move.back()


class Move:
    def __init__(self, stack, connect, users_db, wait_until):
        self._stack, self._connect, self._users_db = stack, connect, users_db
        self._wait_until = wait_until

    def to_debezium(self):
        self._stack.relay.stop()
        self.start_connector()

    def start_connector(self):
        run_curls(START_CONNECTOR, self._connect.url)
        self._wait_until(lambda: self._connect.states() == ["RUNNING", "RUNNING"])

    def stop_connector(self):
        for command in STOP_CONNECTOR.splitlines():
            run_curls(command, self._connect.url)
            if command.endswith("/stop"):
                self._wait_until(lambda: self._connect.states() == ["STOPPED"])

    def drop_slot(self):
        unused = "SELECT FROM pg_replication_slots WHERE NOT active"
        self._wait_until(lambda: execute(self._users_db.superuser_url, unused))
        execute(self._users_db.superuser_url, DROP_SLOT, dbname=self._users_db.name)

    def back(self):
        self.stop_connector()
        self._stack.relay.start()
        self.drop_slot()


def execute(url, statements, **parameters):
    """Each by itself: some cannot run within a transaction. Gives the last one's count of rows."""
    with psycopg.connect(url, autocommit=True, **parameters) as connection:
        for statement in filter(str.strip, statements.split(";")):
            cursor = connection.execute(statement)
        return cursor.rowcount


def run_curls(commands, url):
    """A machine without curl can run the tests too. An option that is not known is an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-fsS", action="store_true", required=True)
    parser.add_argument("-X", required=True)
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    for command in commands.splitlines():
        program, *words = shlex.split(command.replace("http://127.0.0.1:8083", url))
        assert program == "curl"
        given = parser.parse_args(words)
        headers = dict(header.split(": ", 1) for header in given.H)
        body = (FOLDER / given.d.removeprefix("@")).read_bytes() if given.d else None
        response = requests.request(given.X, given.url, headers=headers, data=body, timeout=60)
        assert response.ok, response.text
