"""What an operator does, by the commands of docs/operations.md as they stand there."""

import os
import re
import signal
import subprocess
from pathlib import Path

import psycopg
from confluent_kafka.admin import AdminClient

from devstack.postgres import binaries
from tests.faults.invariants import AUDIT_DELETIONS, GROUP, require
from tests.faults.load import PATIENCE
from tests.faults.parts import wait_ready

DOCUMENT = " ".join((Path(__file__).parents[2] / "docs/operations.md").read_text().split())


def run(system, project, command, code=0, **words):
    """Runs a command that the document has, and gives what it wrote.

    Args:
        code: the exit code that it must end with; None for any.
        words: what stands in the place of a word, as a list.
    """
    assert f"manage.py {command}`" in DOCUMENT, command
    command = [each for word in command.split() for each in words.get(word, [word])]
    return system.manage(project, *command, code=code)


def wait_for_stop(system, name, text):
    """Until a part has ended by itself, with exit code 1 and a line that the document has."""
    assert text in DOCUMENT
    part = getattr(system.stack, name)
    system.wait(lambda: not part.running, f"the {name} stops", 30)
    said = " ".join(part.process.last_lines().split())
    require(part.process.wait() == 1 and text in said, part.how_it_ended(lines=True))


def delete_ghosts(system):
    """Deletes the shadow users whose deletion nobody could read."""
    differ = run(system, "notes", "compare_users", code=None)
    ghosts = re.findall(r"^ghost +(\S+)  version (\d+) here", differ, re.MULTILINE)
    if ghosts:
        system.users_sql(AUDIT_DELETIONS)
        above = [str(max(int(version) for _, version in ghosts))]
        ids = [user_id for user_id, _ in ghosts]
        command = "republish_users --delete --above VERSION ID"
        run(system, "users", command, VERSION=above, ID=ids)


def admin(system):
    return AdminClient({"bootstrap.servers": system.stack.kafka.bootstrap_servers})


def shares(system):
    """How many partitions each member of the consumer's group has."""
    client = admin(system)  # It must outlive the answer.

    def describe():
        return client.describe_consumer_groups([GROUP], request_timeout=5)[GROUP].result()

    members = system.once_kafka_answers(describe).members
    return [len(member.assignment.topic_partitions) for member in members]


def start(system, *names):
    for name in names:
        getattr(system.stack, name).start()
    for name in names:
        wait_ready(getattr(system.stack, name))


def stop(system, *names):
    for name in names:
        getattr(system.stack, name).stop()


def wake(part):
    os.kill(part.process.pid, signal.SIGCONT)


def back_up(database, file):
    _postgresql("pg_dump", database.url, "-f", file, *_options("pg_dump"))


def restore(database, file):
    _postgresql("pg_restore", "-d", database.url, *_options("pg_restore"), file)


def fail_over(database, file):
    """To a replica that is as old as the backup: every connection ends, the next one finds it."""
    name, old = database.name, f"{database.name}_as_it_was"
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_replica OWNER {database.role}")
        _postgresql("pg_restore", "-d", database.url.replace(f"/{name}", f"/{name}_replica"), file)
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        sessions = f"FROM pg_stat_activity WHERE datname = '{name}'"
        while connection.execute(f"SELECT pg_terminate_backend(pid) {sessions}").fetchall():
            pass
        connection.execute(f"ALTER DATABASE {name} RENAME TO {old}")
        connection.execute(f"ALTER DATABASE {name}_replica RENAME TO {name}")
        connection.execute(f"DROP DATABASE {old}")


def _options(program):
    """Those that the document gives the program, without whom and what to connect to."""
    command = re.search(rf"{program} -U notes (.*?) [<>]", DOCUMENT)[1]
    return re.findall(r"-Fc|--[a-z-]+", command)


def _postgresql(program, *arguments):
    subprocess.run([binaries() / program, *arguments], check=True, timeout=60 * PATIENCE)
