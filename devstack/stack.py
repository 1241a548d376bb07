"""The whole system, made of parts that can be stopped, killed and started one by one.

For tests::

    with Stack(folder, Ports.free(), durable=False) as stack:
        stack.kafka.stop()
        ...
        stack.kafka.start()
        stack.kafka.wait_ready()
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self

from devstack import admin, environment, external
from devstack.errors import DevstackError
from devstack.http import call
from devstack.kafka import Kafka
from devstack.lock import StackLock
from devstack.nginx import Nginx
from devstack.part import Part
from devstack.ports import Ports
from devstack.postgres import Postgres, write_secret
from devstack.processes import Children, describe, wait_until
from devstack.services import GUNICORN, Service, manage

Report = Callable[[str], None]


class Stack:
    """Everything from nginx to the databases, with its data in one folder.

    Args:
        folder: for data, secrets, logs and the lock.
        servers: KAFKA_BOOTSTRAP_SERVERS, USERS_DATABASE_URL and NOTES_DATABASE_URL, each where
            that server is not to be the stack's own. Other names do not matter.
        durable: False loses data with the machine's power; for tests.
        report: called with a line for each step.

    Raises:
        DevstackError: when a stack runs in the folder.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        *,
        servers: Mapping[str, str] | None = None,
        durable: bool = True,
        report: Report = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        self.ports = ports
        self.gateway_url = ports.gateway_url
        self._servers = servers or {}
        self._report = report
        self._lock = StackLock(self.folder)
        children = Children(self.folder / "logs", self._lock.acquire(self.gateway_url))
        self.children = children

        database = partial(Postgres, children=children, durable=durable)
        self.users_db = database("users_db", folder=self.folder / "users_db", port=ports.users_db)
        self.notes_db = database("notes_db", folder=self.folder / "notes_db", port=ports.notes_db)
        nodes = [(ports.kafka, ports.kafka_controller)]
        self.kafka = Kafka("kafka", children, self.folder / "kafka", nodes)

        def service(name: str, project: str, *ports: int, arguments: list[str]) -> Service:
            return Service(
                name,
                project,
                *ports,
                children=children,
                arguments=arguments,
                environment=self.environment_of,
                own_role=not self._servers.get(f"{project.upper()}_DATABASE_URL"),
            )

        self.users = service("users", "users", ports.users, arguments=GUNICORN)
        self.notes = service("notes", "notes", ports.notes, arguments=GUNICORN)
        self.relay = service("relay", "users", arguments=["manage.py", "relay_outbox"])
        self.consumer = service("consumer", "notes", arguments=["manage.py", "consume_user_events"])
        compare = ["manage.py", "compare_users", "--every", "60"]
        self.comparison = service("comparison", "notes", arguments=compare)
        self.gateway = Nginx("gateway", children, self.folder / "gateway", ports)

    @property
    def services(self) -> list[Service]:
        """The projects' processes, in the order of their start."""
        return [self.users, self.notes, self.relay, self.consumer, self.comparison]

    @property
    def parts(self) -> list[Part]:
        """All parts that this stack starts, in that order."""
        own = {
            external.USERS_DATABASE: self.users_db,
            external.NOTES_DATABASE: self.notes_db,
            external.KAFKA: self.kafka,
        }
        servers = [part for variable, part in own.items() if not self._servers.get(variable)]
        return [*servers, *self.services, self.gateway]

    def environment(self) -> dict[str, str]:
        """The settings of both projects, as the owners of the databases have them.

        The stack's own databases must have been started.
        """
        given = self._servers.get
        return environment.settings(
            self.folder,
            self.ports,
            users_database=given(external.USERS_DATABASE) or self.users_db.url,
            notes_database=given(external.NOTES_DATABASE) or self.notes_db.url,
            kafka=given(external.KAFKA) or self.kafka.bootstrap_servers,
        )

    def environment_of(self, project: str) -> dict[str, str]:
        """A project's environment; the project is ``users`` or ``notes``."""
        return environment.of_project(project, self.environment())

    def start(self) -> None:
        """Starts everything and waits until it is ready. After a DevstackError nothing runs."""
        with ThreadPoolExecutor() as pool:
            try:
                self._start(pool)
            except BaseException:
                self.children.close()
                raise

    def stop(self) -> None:
        """Ends all parts in the reverse order of their start, and frees the folder."""
        for part in reversed(self.parts):
            if part.process:
                self._report(f"{part.name:<10} stopped, {describe(part.stop())}")
        self.close()

    def close(self) -> None:
        """Ends what still runs, all at once, and frees the folder."""
        self.children.close()
        (self.folder / "env").unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, pool: ThreadPoolExecutor) -> None:
        for variable in external.VARIABLES:
            if value := self._servers.get(variable):
                external.require(variable, value)
                self._report(f"{variable} answers")
        for part in self.parts:
            part.require_free_ports()
        kafka = pool.submit(self._start_server, self.kafka)
        users_db = pool.submit(self._start_server, self.users_db)
        notes_db = pool.submit(self._start_server, self.notes_db)
        for database in (users_db, notes_db):
            database.result()
        self._write_env()
        notes = pool.submit(self._prepare_notes)
        kafka.result()
        users = pool.submit(self._prepare_users)
        notes.result()
        users.result()
        # The comparison can wait: nothing needs it, and its start takes time from the others.
        rest: list[Part] = [*self.services[:-1], self.gateway]
        for part in rest:
            part.start()
        for waiting in [pool.submit(self._wait, part) for part in rest]:
            waiting.result()
        self._require_readiness()
        self.comparison.start()
        self._wait(self.comparison)

    def _start_server(self, part: Part) -> None:
        if part in self.parts:
            part.start()
            self._wait(part)

    def _wait(self, part: Part) -> None:
        part.wait_ready()
        self._report(f"{part.name:<10} ready")

    def _prepare_notes(self) -> None:
        commands = ["migrate --no-input", "collectstatic --no-input"]
        manage(self.children, "notes", commands, self.environment_of("notes"))
        self._report("notes_db   migrated")

    def _prepare_users(self) -> None:
        environment = self.environment_of("users")
        keys, jwks = self.folder / "signing-keys", self.folder / "jwks.json"
        keys.mkdir(mode=0o700, exist_ok=True)
        commands = ["migrate --no-input", "collectstatic --no-input", "create_topics"]
        if not (keys / "current.pem").exists():
            commands.append("rotate_signing_key")
        commands.append(f"print_jwks > {shlex.quote(str(jwks))}")
        manage(self.children, "users", commands, environment)
        admin.ensure(self.children, environment, self.folder)
        self._report("users_db   migrated")

    def _require_readiness(self) -> None:
        """Waits for what the services say of themselves, by way of the gateway."""
        for service in ("users", "notes"):
            url = f"http://127.0.0.1:{self.ports.gateway}/readyz/{service}"
            if not wait_until(partial(_answers_200, url), 30):
                raise DevstackError(f"{service} is not ready after 30 s: {call('GET', url)[1]}")

    def _write_env(self) -> None:
        lines = [f"{name}={shlex.quote(value)}" for name, value in self.environment().items()]
        write_secret(self.folder / "env", "\n".join(lines))


def _answers_200(url: str) -> bool:
    return call("GET", url)[0] == 200
