"""The servers that all benchmarks of a run share: two PostgreSQL servers and one Kafka broker."""

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from devstack import environment
from devstack.kafka import Kafka
from devstack.ports import Ports
from devstack.postgres import Postgres
from devstack.processes import Children, Process, wait_until
from devstack.services import Service, manage, project_folder


class Database(Postgres):
    """With the time of each commit kept, which some benchmarks read."""

    def command(self) -> list[str | Path]:
        return [*super().command(), "-c", "track_commit_timestamp=on"]


@contextmanager
def running(folder: Path, *, durable: bool) -> Iterator[dict[str, str]]:
    """Starts and migrates them. Gives the settings of both projects, and the servers' processes."""
    ports, children = Ports.free(), Children(folder / "logs")
    nodes = [(ports.kafka, ports.kafka_controller)]
    kafka = Kafka("kafka", children, folder / "kafka", nodes)
    users_db, notes_db = (
        Database(name, children, folder / name, port, durable=durable)
        for name, port in (("users_db", ports.users_db), ("notes_db", ports.notes_db))
    )
    servers = [kafka, users_db, notes_db]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(_start, servers))
            settings = environment.settings(
                folder,
                ports,
                users_database=users_db.url,
                notes_database=notes_db.url,
                kafka=kafka.bootstrap_servers,
            )
            settings["LOG_FORMAT"] = "json"  # as in production
            # One user's requests are all there are.
            settings |= {"READS_PER_MINUTE": "1000000000", "WRITES_PER_MINUTE": "1000000000"}
            for project in ("users", "notes"):
                variables = environment.of_project(project, settings)
                pool.submit(manage, children, project, ["migrate --no-input"], variables).result()
        pids = {server.name: server.process.pid for server in servers}
        own = {"BENCHMARK_PIDS": json.dumps(pids), "BENCHMARK_FOLDER": str(folder)}
        yield settings | own
    finally:
        children.close()


def pids(*names: str) -> list[int]:
    """The processes of servers, ``users_db``, ``notes_db`` and ``kafka``, and this one."""
    known = json.loads(os.environ["BENCHMARK_PIDS"])
    return [*(known[name] for name in names), os.getpid()]


@contextmanager
def service(project: str, *arguments: str, ready: str, **variables: str) -> Iterator[Process]:
    """A process of a project, such as ``manage.py relay_outbox``.

    Args:
        ready: what it writes to its log when it is.
        variables: of its environment, besides those of this process.
    """
    part = Service(
        f"{project}-{arguments[-1]}",
        project,
        children=Children(Path(os.environ["BENCHMARK_FOLDER"]) / "logs"),
        arguments=list(arguments),
        environment=lambda _: environment.of_project(project, dict(os.environ)) | variables,
    )
    part.start()
    process = part.process
    assert process

    def has_said_so() -> bool:
        return any(ready in line for line in list(process.tail)) or not process.running

    assert wait_until(has_said_so, 60), process.last_lines()
    assert process.running, process.last_lines()
    yield process  # After an exception it ends with this process.
    assert process.stop() == 0, process.last_lines()


def set_up_django(project: str) -> None:
    """Makes this process one of ``users`` or ``notes``, for good."""
    import django

    sys.path.insert(0, str(project_folder(project)))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()


def _start(server: Kafka | Postgres) -> None:
    server.start()
    server.wait_ready()
