"""The whole stack, started once: real PostgreSQL, Apache Kafka and nginx, on free ports.

A test that stops a part starts it again and waits until it is ready.
"""

import email
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from devstack import processes
from devstack.ports import Ports
from devstack.services import project_folder, role_of, with_role
from devstack.stack import Stack
from tests.faults.parts import as_child
from tests.system.client import Api


def pytest_collection_modifyitems(items):
    """What all of the session may not have leaked is looked for after all of the session."""
    items.sort(key=lambda item: item.path.name == "test_secrets.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack:
        report.sections.append(("logs", f"in full: {stack.folder / 'logs'}"))
        for part in stack.parts:
            if part.process:
                report.sections.append((f"last lines of {part.name}", part.process.last_lines()))
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_FORMAT", "json")  # as in production
        patch.setenv("EMAIL_URL", f"filemail://{tmp_path_factory.mktemp('mail')}")
        stack = Stack(tmp_path_factory.mktemp("stack"), Ports.free(), durable=False)
        # With cheap hashes of passwords: they would be a third of the suite's work.
        stack.users.arguments = as_child(stack.users.arguments)
        with stack:
            yield stack


@pytest.fixture
def api(stack):
    """An HTTP client of nobody, see `tests.system.client`."""
    with Api(stack.gateway_url) as client:
        yield client


@pytest.fixture
def mails(stack):
    """The texts of the mails to an address so far."""
    folder = Path(urlsplit(stack.environment_of("users")["EMAIL_URL"]).path)

    def mails(address):
        found = []
        for path in sorted(folder.iterdir()):
            # One mail is a file, whose last line closes it.
            message = email.message_from_string(path.read_text())
            if message["To"] == address:
                found.append(message.get_payload(decode=True).decode())
        return found

    return mails


@pytest.fixture(scope="session")
def users_sql(stack):
    """Runs a statement in users_db and gives its rows."""
    return _runner(stack.users_db)


@pytest.fixture(scope="session")
def notes_sql(stack):
    """Runs a statement in notes_db and gives its rows."""
    return _runner(stack.notes_db)


@pytest.fixture(scope="session")
def wait_until():
    """`wait_until(condition, timeout)` fails where the condition does not come to hold."""

    def wait(condition, timeout=60):
        assert processes.wait_until(condition, timeout), f"not within {timeout} s"

    return wait


@pytest.fixture(scope="session")
def manage(stack):
    """Runs `manage.py` of a project to its end, against the stack; variables may differ.

    A process's command has the process's database role, the others the owner's.
    """

    def run(project, *arguments, **variables):
        environment = stack.environment_of(project) | variables
        if arguments[0] in ("relay_outbox", "consume_user_events"):
            environment = with_role(environment, project, role_of(project, arguments))
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=project_folder(project),
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def _runner(database):
    def run(statement, parameters=None):
        with psycopg.connect(database.url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return run
