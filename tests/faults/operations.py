"""What an operator does, by the commands of docs/operations.md as they stand there."""

import os
import re
import signal
import subprocess
from pathlib import Path

from confluent_kafka.admin import AdminClient

from devstack.postgres import binaries
from tests.faults.invariants import require

DOCUMENT = " ".join((Path(__file__).parents[2] / "docs/operations.md").read_text().split())


def run(system, project, command, code=0):
    """Runs a command that the document has, and gives what it wrote."""
    assert f"manage.py {command}`" in DOCUMENT, command
    words = ["it was a test" if word == "WHY" else word for word in command.split()]
    return system.manage(project, *words, code=code)


def wait_for_stop(system, name, text):
    """Until a part has ended by itself, with exit code 1 and a line that says why."""
    part = getattr(system.stack, name)
    system.wait(lambda: not part.running, f"the {name} stops", 30)
    said = " ".join(part.process.last_lines().split())
    require(part.process.wait() == 1 and text in said, part.how_it_ended(lines=True))
    assert text in DOCUMENT


def admin(system):
    return AdminClient({"bootstrap.servers": system.stack.kafka.bootstrap_servers})


def start(system, *names):
    for name in names:
        getattr(system.stack, name).start()
    for name in names:
        getattr(system.stack, name).wait_ready()


def stop(system, *names):
    for name in names:
        getattr(system.stack, name).stop()


def back_up(database, file):
    _postgresql("pg_dump", database.url, "-f", file, *_options("pg_dump"))


def restore(database, file):
    _postgresql("pg_restore", "-d", database.url, *_options("pg_restore"), file)


def wake(part):
    os.kill(part.process.pid, signal.SIGCONT)


def _options(program):
    """Those that the document gives the program, without whom and what to connect to."""
    command = re.search(rf"{program} -U notes (.*?) [<>]", DOCUMENT)[1]
    return re.findall(r"-Fc|--[a-z-]+", command)


def _postgresql(program, *arguments):
    subprocess.run([binaries() / program, *arguments], check=True, timeout=60)
