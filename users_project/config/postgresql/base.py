"""Django's PostgreSQL backend, with a limit to the wait for an answer.

PostgreSQL's own timeouts are of no use where the server is stopped or a link swallows everything:
the kernel of a stopped server acknowledges each packet, so TCP sees nothing either.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")

# Seconds. Longer than the statement_timeout of web requests: a server that works says so itself.
ANSWER_WITHIN = 12.0


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
    repeats_statements = plans_for_values = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        if self.repeats_statements:
            conn_params |= {"cursor_factory": base.ServerBindingCursor, "prepare_threshold": 5}
        if self.plans_for_values:
            # libpq reads the variable only where nothing is given.
            options = conn_params.get("options") or os.environ.get("PGOPTIONS", "")
            conn_params["options"] = f"{options} -c plan_cache_mode=force_custom_plan"
        # As Django does it, for settings without a pool and another isolation level.
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return Connection.connect(**conn_params)

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


def prepare_statements(*, plan_for_values: bool = False) -> None:
    """For processes that repeat a few statements: the server parses and plans each but once.

    Args:
        plan_for_values: plans it each time, where one plan is not good for all values.
    """
    DatabaseWrapper.repeats_statements = True
    DatabaseWrapper.plans_for_values = plan_for_values
