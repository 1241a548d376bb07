"""Applies a batch of messages and records every one of them, in one transaction."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from django.db import DataError, IntegrityError, connection, transaction

from inbox.messages import InvalidMessage, Kind, RawMessage, UserEvent, parse, supersedes
from inbox.models import Outcome, Position
from users import gate

Partition = tuple[str, int]

# A message read again is the same letter; other bytes at its place come from a recreated topic.
_DEAD_LETTER = """
INSERT INTO dead_letters AS stored (topic, partition, "offset", key, value, headers, reason)
VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s)
ON CONFLICT (topic, partition, "offset") DO UPDATE SET
    key = EXCLUDED.key, value = EXCLUDED.value, headers = EXCLUDED.headers,
    reason = EXCLUDED.reason, created_at = now(), resolution = NULL, resolved_at = NULL
WHERE (stored.key, stored.value) IS DISTINCT FROM (EXCLUDED.key, EXCLUDED.value)
"""


# The lock of each row until the commit is the fence: another worker that reads the partition waits
# here, and then finds its messages applied. A row whose position is not one that the worker knows,
# or beyond the first of its messages, does not match.
# The commit is waited for only where somebody is deleted: what a crash of the server takes back, it
# takes back with the positions, and the messages are read again.
_MOVE_POSITIONS = """
UPDATE positions AS stored SET next_offset = move.next_offset, updated_at = now()
FROM json_to_recordset(%s)
    AS move (topic text, partition int, known bigint, first bigint, next_offset bigint)
WHERE (stored.topic, stored.partition) = (move.topic, move.partition)
    AND stored.next_offset BETWEEN move.known AND move.first
RETURNING CASE WHEN NOT %s THEN set_config('synchronous_commit', 'off', true) END
"""
_EVENT_LOG = """
INSERT INTO event_log (topic, partition, "offset", event_id, type, user_id, version, event_time,
    outcome)
SELECT * FROM json_to_recordset(%s) AS record (topic text, partition int, "offset" bigint,
    event_id text, type text, user_id uuid, version bigint, time timestamptz, outcome text)
"""


@dataclass(slots=True)
class Record:
    """A message, what was read from it, and its outcome once that is known."""

    message: RawMessage
    event: UserEvent | None = None
    reason: str = ""
    outcome: Outcome | None = None


def read(message: RawMessage) -> Record:
    """Without an outcome yet, unless it cannot be read or is of a type that is ignored."""
    try:
        event = parse(message)
    except InvalidMessage as error:
        return Record(message, reason=str(error), outcome=Outcome.DEAD)
    return Record(message, event, outcome=Outcome.IGNORED if event.kind is Kind.IGNORED else None)


class _Fenced(Exception):
    """Another worker has applied some of the messages, or a partition has no position yet."""


class PositionsWentBack(Exception):
    """The database is an older one than before: a replica that lagged, or a backup. Read again."""


def apply_batch(records: Sequence[Record], known: Mapping[int, int]) -> Sequence[Record]:
    """Applies messages, all in one transaction: users, event log, dead letters, positions.

    A message that the contract allows and the database refuses is found by halving the batch, and
    set aside.

    Args:
        records: what was read, in the order of the partitions.
        known: positions, by partition, that were stored before these messages were read.

    Returns:
        The records, each with its outcome; without those below a stored position, which another
        worker has applied (the fence).

    Raises:
        PositionsWentBack: a stored position is below a known one. Nothing is applied: what lies
            between the two would be passed over.
        django.db.OperationalError, django.db.InterfaceError: safe to repeat.
    """
    try:
        return _apply(records, known)
    except (DataError, IntegrityError) as error:
        if len(records) == 1:
            return _apply([refused(records[0].message, error)], known)
        half = len(records) // 2
        return [*apply_batch(records[:half], known), *apply_batch(records[half:], known)]


def refused(message: RawMessage, error: Exception) -> Record:
    """Dead, with the kind of the refusal alone: the text of it repeats what the message held."""
    reason = f"the database refuses it: {type(error.__cause__ or error).__name__}"
    return Record(message, reason=reason, outcome=Outcome.DEAD)


def _apply(records: Sequence[Record], known: Mapping[int, int]) -> Sequence[Record]:
    deleted = [r.event.user_id for r in records if r.event and r.event.kind is Kind.DELETION]
    gate.delete_notes(deleted)
    while records:
        with contextlib.suppress(_Fenced):
            _write(records, known)
            break
        records = _not_applied(records, known)
    return records


def _write(records: Sequence[Record], known: Mapping[int, int]) -> None:
    """Writes all that follows from the messages, or nothing.

    In a pipeline statements are sent without waiting for the answer to each. It is inside of the
    transaction: the other way round Django waits for the server once more at begin and end, and an
    error found there is none of a lost connection.

    Raises:
        _Fenced: a position is not where these messages follow it.
    """
    moves = _moves(records, known)
    pending = [(r, r.event) for r in records if r.event and r.event.kind is not Kind.IGNORED]
    deletes = any(event.kind is Kind.DELETION for _, event in pending)
    with (
        transaction.atomic(),
        connection.wrap_database_errors,  # Django leaves out what the end of a pipeline raises.
        connection.connection.pipeline(),
        connection.cursor() as cursor,
    ):
        cursor.execute(_MOVE_POSITIONS, [orjson.dumps(moves).decode(), deletes])
        apply_events(pending)
        if len(cursor.fetchall()) < len(moves):
            raise _Fenced
        write_event_log(records)
        _write_dead_letters([r for r in records if r.outcome is Outcome.DEAD])


def _moves(records: Sequence[Record], known: Mapping[int, int]) -> list[dict[str, object]]:
    """For each partition the first message and the position behind the last one."""
    moves: dict[Partition, dict[str, object]] = {}
    for record in records:
        topic, partition, offset, *_ = record.message
        move = moves.get((topic, partition))
        if move is None:
            known_offset = known.get(partition, 0)
            move = {"topic": topic, "partition": partition, "known": known_offset, "first": offset}
            moves[topic, partition] = move
        move["next_offset"] = offset + 1
    # Two workers ask for the locks in one order.
    return [moves[place] for place in sorted(moves)]


def _not_applied(records: Sequence[Record], known: Mapping[int, int]) -> list[Record]:
    """Those at or above the stored positions; a partition without one gets it.

    Raises:
        PositionsWentBack: a stored position is below a known one.
    """
    partitions = {(record.message.topic, record.message.partition) for record in records}
    new = [Position(topic=t, partition=p, next_offset=0) for t, p in sorted(partitions)]
    Position.objects.bulk_create(new, ignore_conflicts=True)
    stored = Position.objects.filter(topic__in={topic for topic, _ in partitions})
    positions = {(p.topic, p.partition): p.next_offset for p in stored}
    if any(positions[topic, number] < known.get(number, 0) for topic, number in partitions):
        raise PositionsWentBack
    return [r for r in records if r.message.offset >= positions[r.message[:2]]]


def make_durable(topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """Waits until all that was applied is on the disk: WAL is written in its order.

    Returns the positions that are, of these partitions. What a crash took back is not among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE positions SET updated_at = now() WHERE topic = %s AND partition = ANY(%s)"
            " RETURNING partition, next_offset",
            [topic, sorted(partitions)],
        )
        return dict(cursor.fetchall())


def apply_events(pending: Iterable[tuple[Record, UserEvent]]) -> None:
    """Sends the newest event of each user through the gate and sets every outcome."""
    newest = _newest_of_each_user(pending)
    # First of all: an upsert that waits for a deletion's row lock would insert the user again.
    gate.lock_users(list(newest))
    events = [event for _, event in newest.values()]
    written = gate.delete_users({e.user_id: e.version for e in events if e.kind is Kind.DELETION})
    written |= gate.apply_states([e.state for e in events if e.kind is Kind.STATE and e.state])
    written |= gate.apply_states(
        [e.state for e in events if e.kind is Kind.SNAPSHOT and e.state], repair=True
    )
    stored = gate.stored_versions([user_id for user_id in newest if user_id not in written])
    for user_id, (record, event) in newest.items():
        if user_id in written:
            record.outcome = Outcome.APPLIED
        elif event.version == stored[user_id]:
            record.outcome = Outcome.DUPLICATE
        else:
            record.outcome = Outcome.STALE


def _newest_of_each_user(
    pending: Iterable[tuple[Record, UserEvent]],
) -> dict[UUID, tuple[Record, UserEvent]]:
    """The last word on each user; the other records get their outcome here."""
    newest: dict[UUID, tuple[Record, UserEvent]] = {}
    for record, event in pending:
        rival = newest.get(event.user_id)
        if rival is None or supersedes(event, rival[1]):
            newest[event.user_id] = record, event
            loser = rival
        else:
            loser = record, event
        if loser is not None:
            winner = newest[event.user_id][1]
            same = (loser[1].version, loser[1].state) == (winner.version, winner.state)
            loser[0].outcome = Outcome.DUPLICATE if same else Outcome.SUPERSEDED
    return newest


def write_event_log(records: Sequence[Record]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_EVENT_LOG, [orjson.dumps([_logged(record) for record in records]).decode()])


def _logged(record: Record) -> dict[str, object]:
    message, event = record.message, record.event
    place = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
    facts: dict[str, object] = {}
    if event is not None:
        facts = {
            "event_id": event.event_id,
            "type": event.type,
            "user_id": event.user_id,
            "version": event.version,
            "time": event.time,
        }
    return {**place, **facts, "outcome": record.outcome}


def _write_dead_letters(records: Sequence[Record]) -> None:
    if not records:
        return
    rows = [
        (
            *(record.message.topic, record.message.partition, record.message.offset),
            *(record.message.key, record.message.value),
            json.dumps([[name, _text(value)] for name, value in record.message.headers]),
            record.reason,
        )
        for record in records
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_DEAD_LETTER, rows)


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
