"""The consumer: reads a batch, applies it in one transaction; once a second Kafka learns of it."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections

from inbox.apply import PositionsWentBack, Record, apply_batch, make_durable, read
from inbox.kafka import Subscription
from inbox.models import DeadLetter, EventLog, Outcome, Position, Topic
from inbox.positions import RECREATED, CannotRead
from inbox.topic import BrokerUnavailable

logger = structlog.get_logger(__name__)

_DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)
# Short, so that a signal is noticed; seconds.
POLL_TIMEOUT = 0.5
LONGEST_BACKOFF = 10.0
# Between two looks whether topic and positions are still the same; seconds.
LOOK_INTERVAL = 5.0
# Between two reports to Kafka of what is applied; seconds.
REPORT_INTERVAL = 1.0


@dataclass(slots=True)
class Retry:
    """When to ask again somebody who did not answer: later each time."""

    failures: int = 0
    at: float = 0.0

    def later(self, now: float) -> None:
        self.failures += 1
        wait = min(LONGEST_BACKOFF, 0.1 * 2 ** min(self.failures, 10))
        self.at = now + wait * random.uniform(0.5, 1.0)  # noqa: S311


class TooManyDeadLetters(Exception):
    """So many bad messages in a row are a bad deploy, not bad data."""


@dataclass(slots=True)
class EventConsumer:
    """Applies the topic's messages, step by step; ``run`` repeats the steps until told to stop.

    Args:
        subscription: the member of the consumer group.
        topic: its name, as the stored positions have it.
        batch_size: messages in one transaction, at most.
        dead_letter_limit: stop after this many dead letters without any other message between.
    """

    subscription: Subscription
    topic: str
    batch_size: int = 500
    dead_letter_limit: int = 100
    clock: Callable[[], float] = time.monotonic
    # Read and not applied yet, in order.
    in_hand: list[Record] = field(default_factory=list)
    # The positions that are stored, as far as this worker knows: those it began at or stored.
    _known: dict[int, int] = field(default_factory=dict)
    _look_at: float = 0.0
    _report_at: float = 0.0
    _unreported: dict[int, int] = field(default_factory=dict)
    _outcomes: Counter[str] = field(default_factory=Counter)
    _broker: Retry = field(default_factory=Retry)
    _database: Retry = field(default_factory=Retry)
    _dead_in_a_row: int | None = None

    def run(self, stop: Callable[[], bool], report: Callable[[int], None] = lambda _: None) -> None:
        """Steps until ``stop()``; the batch in hand is always finished or wholly left.

        Args:
            report: called after each step with the number of messages applied so far.

        Raises:
            CannotRead, TooManyDeadLetters: a person has to look; nothing is lost meanwhile.
        """
        applied = 0
        try:
            while not stop():
                applied += self.step()
                report(applied)
        finally:
            self.finish()

    def finish(self) -> None:
        """Kafka and the log learn of the last batch too, where the database answers."""
        with contextlib.suppress(*_DATABASE_AWAY, PositionsWentBack):
            self._report()

    def step(self) -> int:
        """Reads and applies one batch, or waits a little. Returns how many were applied."""
        close_old_connections()
        applied = 0
        try:
            if self.clock() < self._database.at:
                self._keep_polling()
                return 0
            if self._dead_in_a_row is None:
                # A worker that is started again stops again, until somebody has seen to them.
                self._dead_in_a_row = _unresolved_at_the_end(self.dead_letter_limit)
            self.require_few_dead_letters()
            self._ask_the_broker()
            if not self.in_hand:
                self.in_hand = self._read(self.batch_size, POLL_TIMEOUT)
            applied = self._apply()
            if self.clock() >= self._report_at:
                self._report()
        except PositionsWentBack:
            self._start_again()
            return 0
        except _DATABASE_AWAY as error:
            self.subscription.pause()
            self._retry_later(self._database, "database_unavailable", error, "NOTES_DATABASE_URL")
            return applied
        self._database.failures = 0
        self.subscription.resume()
        return applied

    def caught_up(self) -> bool:
        """Whether the whole topic was read to its end, by this worker or another of its group.

        What the others have applied is stored, so one that has no partition is told too.

        Raises:
            CannotRead: a stored position is outside of the topic.
        """
        subscription = self.subscription
        if not self._look_at or self.in_hand or subscription.reading - subscription.at_end:
            return False
        with contextlib.suppress(*_DATABASE_AWAY):
            return subscription.others_at_end(self._stored_positions())
        return False

    def lag(self) -> int:
        """Messages of the partitions it reads that are not applied, as last heard."""
        return len(self.in_hand) + self.subscription.lag()

    def _ask_the_broker(self) -> None:
        """Without an answer, what is being read already goes on."""
        if self.clock() < self._broker.at:
            return
        try:
            self._look_at_topic_and_positions()
            self._start_waiting_partitions()
            self._broker.failures = 0
        except BrokerUnavailable as error:
            servers = "KAFKA_BOOTSTRAP_SERVERS"
            self._retry_later(self._broker, "broker_unavailable", error, servers)

    def _look_at_topic_and_positions(self) -> None:
        """Each may have become another under a running worker.

        Positions mean nothing in a topic that was made anew, even where they fit. A database that
        went back lacks what this worker had applied, and no message may come that shows it.
        """
        if self.clock() < self._look_at:
            return
        topic_id = self.subscription.topic_id()
        known, _ = Topic.objects.get_or_create(name=self.topic, defaults={"topic_id": topic_id})
        if known.topic_id != topic_id:
            raise CannotRead(
                f"{self.topic} is not the topic that the positions are of. {RECREATED}"
            )
        stored = self._stored_positions()
        own = {number: self._known.get(number, 0) for number in self.subscription.reading}
        _require_none_below(stored, own)
        self._look_at = self.clock() + LOOK_INTERVAL

    def _start_waiting_partitions(self) -> None:
        if starting := set(self.subscription.waiting):
            stored = self._stored_positions()
            # They come again: what this worker knew when it read them counts no longer.
            self.in_hand = [r for r in self.in_hand if r.message.partition not in starting]
            self._known |= {number: stored.get(number, 0) for number in starting}
            self.subscription.start(stored)

    def _stored_positions(self) -> dict[int, int]:
        stored = Position.objects.filter(topic=self.topic)
        return dict(stored.values_list("partition", "next_offset"))

    def _start_again(self) -> None:
        logger.warning(
            "positions_went_back", hint="notes_db is an older one: reading on from there."
        )
        self.in_hand, self._unreported = [], {}
        self.subscription.start_again()

    def _apply(self) -> int:
        if not self.in_hand:
            return 0
        records = apply_batch(self.in_hand, self._known)
        self.in_hand = []
        self._known |= {r.message.partition: r.message.offset + 1 for r in records}
        self._log(records)
        self._count_dead_letters(records)
        self._unreported |= {r.message.partition: r.message.offset + 1 for r in records}
        return len(records)

    def _read(self, limit: int, timeout: float) -> list[Record]:
        return [read(message) for message in self.subscription.consume(limit, timeout)]

    def _report(self) -> None:
        """Kafka learns the offsets of what is applied, once that is on the disk; and the log."""
        if offsets := {
            n: self._unreported[n] for n in self._unreported.keys() & self.subscription.reading
        }:
            _require_none_below(make_durable(self.topic, offsets), offsets)
            self.subscription.commit(offsets)
        self._unreported = {}
        if self._outcomes:
            logger.info("messages_applied", **self._outcomes)
            self._outcomes.clear()
        self._report_at = self.clock() + REPORT_INTERVAL

    def _log(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.outcome is Outcome.DEAD:
                message = record.message
                place = f"{message.topic}[{message.partition}]@{message.offset}"
                logger.error("dead_letter", place=place, reason=record.reason)
            self._outcomes[str(record.outcome)] += 1

    def _count_dead_letters(self, records: Sequence[Record]) -> None:
        for record in records:
            dead = record.outcome is Outcome.DEAD
            self._dead_in_a_row = (self._dead_in_a_row or 0) + 1 if dead else 0

    def require_few_dead_letters(self) -> None:
        """By what this worker has seen; it does not ask the database.

        Raises:
            TooManyDeadLetters: the last messages were all dead, and are not resolved yet.
        """
        if (self._dead_in_a_row or 0) >= self.dead_letter_limit:
            raise TooManyDeadLetters(
                f"The last {self._dead_in_a_row} messages could not be applied: this looks like a"
                " release that writes or reads wrongly. They are kept as dead letters, with their"
                " reasons. Mend the cause, run `manage.py replay_dead_letters --all` or"
                " `manage.py discard_dead_letters --all --reason WHY`, and start it again."
            )

    def _retry_later(self, retry: Retry, event: str, error: Exception, setting: str) -> None:
        retry.later(self.clock())
        reason = str(error).partition("\n")[0]
        hint = f"Start it, or correct {setting}. Trying again."
        logger.warning(event, error=reason, failures=retry.failures, hint=hint)

    def _keep_polling(self) -> None:
        """The group loses a member that does not poll. Paused partitions give nothing."""
        self.in_hand += self._read(1, POLL_TIMEOUT)


def _require_none_below(stored: Mapping[int, int], known: Mapping[int, int]) -> None:
    """Raises PositionsWentBack where a stored position is below a known one."""
    if any(stored.get(number, 0) < offset for number, offset in known.items()):
        raise PositionsWentBack


def _unresolved_at_the_end(limit: int) -> int:
    """How many of the newest messages, ``limit`` at most, were all dead and may still be open."""
    outcomes = EventLog.objects.order_by("-id").values_list("outcome", flat=True)[:limit]
    dead = sum(1 for _ in itertools.takewhile(Outcome.DEAD.__eq__, outcomes))
    return min(dead, DeadLetter.objects.open().count())
