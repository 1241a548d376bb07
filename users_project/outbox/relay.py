"""The relay: takes rows out of the outbox in order, sends them, and deletes what Kafka has.

A row is deleted only after the broker acknowledged it, so an event can be sent twice and never
be lost; readers drop what they have by its version.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
import structlog
from django.db import InterfaceError, InternalError, OperationalError, connection

from outbox.kafka import Failure, OutgoingMessage, ProducerBroken, Publisher
from outbox.models import OutboxEvent, PendingEvent

logger = structlog.get_logger(__name__)

# One relay at a time: two would break the order of a user's events. Any constant does.
ADVISORY_LOCK = 7_001
# Held by a relay that sleeps; the trigger on the outbox asks for it, and notifies where it is held.
SLEEP_LOCK = 7_002
# Short, so that a signal is noticed; seconds.
WAIT = 0.5
# Between two looks while a transaction that wrote an event has not ended, the longest for one that
# goes on and on; seconds.
SHORTEST_LOOK, LONGEST_LOOK = 0.001, 0.1
# How long a user whose event cannot be sent is left aside; seconds.
HOLD_BACK = 10.0
LONGEST_BACKOFF = 5.0
# Between two lines in the log on what was sent; seconds.
REPORT_INTERVAL = 1.0
# How long a batch in hand may take to finish after a signal; seconds.
GRACE = 5.0
# A relay whose connection ended notices within WAIT and drops what it has not sent; the next one
# waits longer than that, so that no older event can come in behind a newer one. Seconds.
TAKE_OVER = 1.0
# PostgreSQL gives up a silent relay after 25 s, one that hangs as one whose machine is away: later
# than the last message of that relay has expired (delivery.timeout.ms). One that works is never
# silent for longer than LONGEST_BACKOFF. It uses no pipeline of psycopg: the last word of one is a
# Flush, after which PostgreSQL does not measure a session's silence.
# A deletion that a crash of the server loses is a row that is sent twice: not worth the wait.
_SESSION = """
SET idle_session_timeout = '25s'; SET synchronous_commit = off
"""


@dataclass(slots=True)
class Relay:
    """Sends the outbox, step by step; ``run`` repeats the steps until told to stop.

    Args:
        make_publisher: called for the first producer and for each one after a fatal error.
        stop: true once the relay was told to stop.
        batch_size: rows sent and awaited together, at most.
    """

    make_publisher: Callable[[], Publisher]
    stop: Callable[[], bool]
    batch_size: int = 4000
    clock: Callable[[], float] = time.monotonic
    _publisher: Publisher | None = None
    _held_back: dict[str, float] = field(default_factory=dict)
    _active: bool = False
    _stopping_since: float | None = None
    _failures: int = 0
    _look: float = SHORTEST_LOOK
    _unreported: int = 0
    _report_at: float = 0.0

    def run(self) -> None:
        while not self.stop():
            self.step()
        if self._publisher:
            self._publisher.close()
        connection.close()

    def step(self) -> int:
        """Sends one batch, or waits a little. Returns how many rows left the outbox."""
        try:
            if not self._become_active():
                self._wait()
                return 0
            rows = self._pending()
            sent = self._send(rows) if rows else 0
            if not rows:
                self._sleep()
        except (OperationalError, InterfaceError, InternalError, psycopg.OperationalError) as error:
            self._lose_database(error)
            return 0
        except ProducerBroken as error:
            logger.error("producer_broken", error=str(error), hint="Making a new one.")
            self._drop_publisher()
            self._back_off()
            return 0
        if rows and not sent:
            self._back_off()
        else:
            self._failures = 0
        if sent:
            self._look = SHORTEST_LOOK
        self._report(sent)
        return sent

    def _report(self, sent: int) -> None:
        self._unreported += sent
        if self._unreported and (self.clock() >= self._report_at or self.stop()):
            logger.info("events_sent", count=self._unreported)
            self._unreported, self._report_at = 0, self.clock() + REPORT_INTERVAL

    def _become_active(self) -> bool:
        """Takes the advisory lock, which its connection keeps; a standby asks again."""
        if self._active:
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
            (self._active,) = cursor.fetchone() or (False,)
            if self._active:
                cursor.execute(_SESSION)
                cursor.execute("LISTEN outbox")
                time.sleep(TAKE_OVER)
                logger.info("relay_active")
        return self._active

    def _pending(self) -> list[PendingEvent]:
        """Of a user held back nothing for a while, then the refused row alone until it is sent."""
        now = self.clock()
        waiting = [user for user, until in self._held_back.items() if until > now]
        return OutboxEvent.objects.first_pending(
            self.batch_size, besides=waiting, one_each=self._held_back
        )

    def _send(self, rows: Sequence[PendingEvent]) -> int:
        if self._publisher is None:
            self._publisher = self.make_publisher()
        results = self._publisher.publish([to_message(row) for row in rows], self._gives_up)
        sent = self._sent(rows, results)
        if sent:
            OutboxEvent.objects.delete_sent(sent)
        return len(sent)

    def _sent(self, rows: Sequence[PendingEvent], results: Iterable[Failure | None]) -> list[int]:
        """The positions of the rows to delete.

        Behind a failed row every later one of the same user stays too: it is sent again after
        the failed one, so that the newest event of a user is always the last in the topic.
        """
        sent: list[int] = []
        failed: dict[str, tuple[PendingEvent, Failure]] = {}
        for row, failure in zip(rows, results, strict=True):
            if failure is None and row.user_id not in failed:
                sent.append(row.position)
                self._held_back.pop(row.user_id, None)
            elif failure is not None:
                failed.setdefault(row.user_id, (row, failure))
        if failed:
            self._leave(failed, broker_works=bool(sent), full=len(rows) == self.batch_size)
        return sent

    def _leave(
        self, failed: Mapping[str, tuple[PendingEvent, Failure]], *, broker_works: bool, full: bool
    ) -> None:
        """Says what stays. A user whose event cannot be sent waits a while, alone.

        So do all users of a full batch of which nothing was sent: where they are those of one
        partition without a leader, those behind them can be sent.
        """
        refused = {
            user_id: (row, failure)
            for user_id, (row, failure) in failed.items()
            if broker_works or failure.of_message
        }
        for user_id in failed if full else refused:
            self._held_back[user_id] = self.clock() + HOLD_BACK
        for user_id, (row, failure) in refused.items():
            logger.error(
                "event_not_sent",
                position=row.position,
                user_id=user_id,
                error=failure.text,
                hint=failure.hint or "It stays in the outbox and is tried again.",
            )
        if not refused:
            row, failure = next(iter(failed.values()))
            logger.warning(
                "nothing_sent",
                users=len(failed),
                first_position=row.position,
                error=failure.text,
                hint=failure.hint
                or "Start Kafka, create the topic with `manage.py create_topics`, or correct"
                " KAFKA_BOOTSTRAP_SERVERS or KAFKA_TOPIC.",
            )

    def _gives_up(self) -> bool:
        """Asked while waiting for the broker. Raises OperationalError where the lock is gone."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if self._stopping_since is None and self.stop():
            self._stopping_since = self.clock()
        return self._stopping_since is not None and self.clock() - self._stopping_since > GRACE

    def _sleep(self) -> None:
        """Until the next commit that filled the outbox, for ``WAIT`` at most.

        Writers share the lock until they have committed, so whoever has it alone sees the events
        of all of them; from then on each writer notifies.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [SLEEP_LOCK])
            if cursor.fetchone() != (True,):
                time.sleep(self._look)
                self._look = min(LONGEST_LOOK, self._look * 1.1)
                return
            self._look = SHORTEST_LOOK
            if not self._pending():
                self._wait_for_notify()
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SLEEP_LOCK])

    def _wait_for_notify(self) -> bool:
        """True at the next commit that filled the outbox, False after ``WAIT``."""
        return any(True for _ in connection.connection.notifies(timeout=WAIT, stop_after=1))

    def _wait(self) -> None:
        time.sleep(WAIT)

    def _lose_database(self, error: Exception) -> None:
        """The lock went with the connection: another relay may be active from now on."""
        reason = str(error).partition("\n")[0]
        logger.warning(
            "database_unavailable",
            error=reason,
            hint="Start it, or correct USERS_DATABASE_URL. Trying again.",
        )
        self._active = False
        connection.close()
        self._drop_publisher()
        self._back_off()

    def _drop_publisher(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    def _back_off(self) -> None:
        self._failures += 1
        wait = min(LONGEST_BACKOFF, 0.1 * 2 ** min(self._failures, 10))
        time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311


def to_message(row: PendingEvent) -> OutgoingMessage:
    headers = [("content-type", b"application/cloudevents+json")]
    if row.traceparent:
        headers.append(("traceparent", row.traceparent.encode()))
    return OutgoingMessage(row.user_id.encode(), row.payload.encode(), tuple(headers))
