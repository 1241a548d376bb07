"""Every management command of docs/operations.md, run as it stands there on the running stack."""

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.docs import documents

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()
# Inline code may be broken by a line's end.
INLINE = re.compile(r"`([^`]*?manage\.py [^`]+)`")
COMMANDS = sorted(
    {
        " ".join(code.partition("manage.py ")[2].split()).rstrip(";…")
        for code in INLINE.findall(re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
    }
)
# It joins the group or forgets its positions: the document says to stop the consumer first.
WITHOUT_CONSUMER = "consume_user_events"


def projects(command):
    """Those that have the command with its options."""
    name, *rest = command.split()
    if name == "migrate":  # Django's own.
        yield from ("users", "notes")
    for project in ("users", "notes"):
        for path in (ROOT / f"{project}_project").glob(f"*/management/commands/{name}.py"):
            options = re.findall(r"--[a-z-]+", " ".join(rest))
            source = documents.command_source(path)
            if all(f'"{option}"' in source for option in options):
                yield project


RUNS = [(project, command) for command in COMMANDS for project in projects(command)]


@pytest.fixture
def without_consumer(stack):
    stack.consumer.stop()
    yield
    stack.consumer.start()
    stack.consumer.wait_ready()


@pytest.fixture
def placeholders(api, notes_sql, wait_until, tmp_path):
    user = api.register()
    wait_until(lambda: notes_sql("SELECT id FROM users WHERE id = %s", [user.id]))
    file = tmp_path / "notes.jsonl"
    return {
        "ID": user.id,
        "USERNAME": user.username,
        "VERSION": "1",
        "WHY": "seen to",
        "notes.jsonl": str(file),
        "FILE": str(file),
    }


@pytest.fixture
def exported(manage, placeholders):
    manage("notes", "export_notes", placeholders["ID"], "--output", placeholders["FILE"])


@pytest.fixture
def long_after_the_last_rotation(stack):
    key = Path(stack.environment()["USERS_SIGNING_KEYS_DIR"]) / "next.pem"
    os.utime(key, (0, 0))


@pytest.mark.parametrize(("project", "command"), RUNS, ids=lambda value: value)
def test_the_command_does_its_work(manage, placeholders, project, command, request):
    if command == "rotate_signing_key":
        request.getfixturevalue("long_after_the_last_rotation")
    if command.startswith(WITHOUT_CONSUMER):
        request.getfixturevalue("without_consumer")
        if "--until-caught-up" not in command:
            command += " --until-caught-up"  # it would run until it is stopped
    if "FILE" in command:
        request.getfixturevalue("exported")
    words = [placeholders.get(word, word) for word in shlex.split(command)]
    done = manage(project, *words)
    assert done.returncode == 0, done.stderr


def test_every_command_of_the_projects_is_in_the_document():
    named = {command.split()[0] for command in COMMANDS}
    own = {
        path.stem
        for path in ROOT.glob("*_project/*/management/commands/[a-z]*.py")
        # Parts of the system, run by it; the last belongs to docs/debezium and its test.
        if path.stem not in ("relay_outbox", "prune_outbox")
    }
    assert own <= named, own - named
    assert {command for _, command in RUNS} == set(COMMANDS)
