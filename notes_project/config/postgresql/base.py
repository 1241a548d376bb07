"""Django's PostgreSQL backend, with a limit to the wait for an answer.

PostgreSQL's own timeouts are of no use where the server is stopped or a link swallows everything:
the kernel of a stopped server acknowledges each packet, so TCP sees nothing either.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")

# Seconds. Longer than statement_timeout: a server that works says so itself.
ANSWER_WITHIN = 12.0
# The server ends what a process that hangs, or went away without a word, has left in it: a
# statement that waits for a lock, a transaction whose locks others wait for. By itself it would ask
# whether somebody is there after two hours.
LIMITS = {
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25s",
}
# In an open pipeline a session is not idle. Longer than every transaction that may take its time.
TRANSACTION_LIMIT = "75s"


class Connection(psycopg.Connection[Any]):
    """Every wait for the server passes ``wait``: queries, COPY, COMMIT and ROLLBACK."""

    answer_within: float | None = None

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Raises OperationalError after the limit; the connection is closed then.

        A wait with a time of its own, such as the one for NOTIFY, keeps that.
        """
        if timeout is not None or self.answer_within is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_within)
        except psycopg.errors._WaitTimeout:
            # Without a word to the server, and so that a rollback fails at once.
            self.pgconn.finish()
            message = f"the server did not answer within {self.answer_within:.0f} s"
            raise psycopg.OperationalError(message) from None

    @contextmanager
    def allowing(self, seconds: float) -> Iterator[None]:
        """Gives what is asked within the block so long, whatever the limit is."""
        self.answer_within = seconds
        try:
            yield
        finally:
            del self.answer_within


class DatabaseWrapper(base.DatabaseWrapper):
    repeats_statements = False
    session: ClassVar[dict[str, str]] = {}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        if self.repeats_statements:
            conn_params |= {"cursor_factory": base.ServerBindingCursor, "prepare_threshold": 5}
        # libpq reads the variable only where nothing is given.
        given = conn_params.get("options") or os.environ.get("PGOPTIONS", "")
        session = " ".join(f"-c {name}={value}" for name, value in self.session.items())
        conn_params["options"] = f"{session} {given}"
        # As Django does it, for settings without a pool and another isolation level.
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return Connection.connect(**conn_params)

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if "statement_timeout" in self.session and self.connection.info.server_version >= 17_00_00:
            self.connection.execute(f"SET transaction_timeout = '{TRANSACTION_LIMIT}'")

    def is_usable(self) -> bool:
        """Django asks before the first statement of a request; asking the server is a round trip.

        A server that ended, or ended the connection, has hung up: then an idle connection has
        something to read. It says so before it hangs up, and an error in a pipeline may be read
        between the two: then the connection is not idle. One that fell silent is noticed by the
        statement itself.
        """
        return _is_quiet(self.connection) or super().is_usable()


def _is_quiet(connection: Connection) -> bool:
    """Open, in no transaction, with no statement running and nothing to read."""
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def limit_answers() -> None:
    """For processes whose statements are all short. A migration may take its time."""
    Connection.answer_within = ANSWER_WITHIN
    DatabaseWrapper.session = DatabaseWrapper.session | LIMITS


def prepare_statements(*, plan_for_values: bool = False) -> None:
    """For processes that repeat a few statements: the server parses and plans each but once.

    Args:
        plan_for_values: plans it each time, where one plan is not good for all values.
    """
    DatabaseWrapper.repeats_statements = True
    if plan_for_values:
        DatabaseWrapper.session = DatabaseWrapper.session | {"plan_cache_mode": "force_custom_plan"}
