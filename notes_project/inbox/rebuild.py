"""Compares the shadow users with the whole topic, and repairs them from it.

The topic is read into a temporary table, a batch at a time, so memory stays bounded; the
comparison is SQL. Only what the topic knows better is written, through the version gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from inbox.messages import InvalidMessage, Kind, RawMessage, UserEvent, parse, supersedes
from users import gate
from users.gate import UserState

BATCH = 2000
# Each user is an advisory lock, and PostgreSQL has room for some thousands at a time.
REPAIR_BATCH = 500

_CREATE = """
CREATE TEMPORARY TABLE topic_users (
    id uuid PRIMARY KEY, version bigint, deleted boolean, snapshot boolean, username text,
    is_active boolean, tokens_valid_after timestamptz, created_at timestamptz
)
"""
# Between two batches as `supersedes` decides within one.
_KEEP_NEWEST = """
INSERT INTO topic_users AS kept
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::boolean[], %s::boolean[], %s::text[],
                     %s::boolean[], %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (id) DO UPDATE SET
    version = EXCLUDED.version, deleted = EXCLUDED.deleted, username = EXCLUDED.username,
    is_active = EXCLUDED.is_active, tokens_valid_after = EXCLUDED.tokens_valid_after,
    created_at = EXCLUDED.created_at
WHERE (kept.deleted, kept.version) < (EXCLUDED.deleted, EXCLUDED.version)
    OR EXCLUDED.snapshot AND (kept.deleted, kept.version) = (EXCLUDED.deleted, EXCLUDED.version)
"""
_FACTS = "({0}.username, {0}.is_active, {0}.tokens_valid_after, {0}.created_at)"
_DIFFERENCES = {
    "missing": "FROM topic_users AS t LEFT JOIN users AS u USING (id)"
    " LEFT JOIN deleted_users AS d USING (id)"
    " WHERE NOT t.deleted AND u.id IS NULL AND d.id IS NULL",
    "stale": "FROM topic_users AS t JOIN users AS u USING (id) WHERE NOT t.deleted"
    " AND (u.version < t.version OR u.version = t.version AND "
    f"{_FACTS.format('u')} IS DISTINCT FROM {_FACTS.format('t')})",
    "undeleted": "FROM topic_users AS t JOIN users AS u USING (id) WHERE t.deleted",
    "ghosts": "FROM users AS u LEFT JOIN topic_users AS t USING (id) WHERE t.id IS NULL",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many users differ, and the ids of the first few of each kind.

    Args:
        counts: ``missing`` here; ``stale``: older here, or of one version and not equal;
            ``undeleted``: here, and deleted in the topic; ``ghosts``: here, and never in the topic.
        samples: ids by the same names.
    """

    counts: dict[str, int]
    samples: dict[str, list[UUID]]

    @property
    def repairable(self) -> int:
        return sum(count for name, count in self.counts.items() if name != "ghosts")


def load(batches: Iterable[list[RawMessage]], progress: Callable[[int], None]) -> int:
    """Fills the temporary table of this connection. Returns how many messages were unreadable."""
    read = unreadable = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS topic_users")
        cursor.execute(_CREATE)
        for batch in batches:
            newest: dict[UUID, UserEvent] = {}
            for event in _parsed(batch):
                if event is None:
                    unreadable += 1
                elif event.kind is not Kind.IGNORED:
                    _keep_newest(newest, event)
            cursor.execute(_KEEP_NEWEST, _columns(newest.values()))
            read += len(batch)
            progress(read)
        cursor.execute("ANALYZE topic_users")
    return unreadable


def compare(samples: int = 5) -> Comparison:
    counts, examples = {}, {}
    with connection.cursor() as cursor:
        for name, difference in _DIFFERENCES.items():
            cursor.execute(f"SELECT count(*) {difference}")
            counts[name] = int((cursor.fetchone() or (0,))[0])
            cursor.execute(f"SELECT id {difference} LIMIT %s", [samples])
            examples[name] = [row[0] for row in cursor.fetchall()]
    return Comparison(counts, examples)


def repair(progress: Callable[[int], None]) -> int:
    """Writes what the topic knows better, in small transactions. Returns how many users.

    Args:
        progress: called with how many are repaired.
    """
    repaired = 0
    for name, write in (("missing", _store), ("stale", _store), ("undeleted", _delete)):
        for rows in _in_batches(_DIFFERENCES[name]):
            with transaction.atomic():
                write(rows)
            repaired += len(rows)
            progress(repaired)
    return repaired


def _store(rows: list[tuple[Any, ...]]) -> None:
    gate.lock_users([row[0] for row in rows])
    gate.apply_states([UserState(*row) for row in rows], repair=True)


def _delete(rows: list[tuple[Any, ...]]) -> None:
    gate.lock_users([row[0] for row in rows])
    gate.delete_users({row[0]: row[1] for row in rows})


def _in_batches(difference: str) -> Iterator[list[tuple[Any, ...]]]:
    """The topic's newest facts of the users that differ, in the order of a UserState."""
    last = UUID(int=0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, t.version, t.username, t.is_active, t.tokens_valid_after, t.created_at"
                f" {difference} AND id > %s ORDER BY id LIMIT %s",
                [last, REPAIR_BATCH],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _parsed(batch: Iterable[RawMessage]) -> Iterator[UserEvent | None]:
    for message in batch:
        try:
            yield parse(message)
        except InvalidMessage:
            yield None


def _keep_newest(newest: dict[UUID, UserEvent], event: UserEvent) -> None:
    rival = newest.get(event.user_id)
    if rival is None or supersedes(event, rival):
        newest[event.user_id] = event


def _columns(events: Iterable[UserEvent]) -> list[list[Any]]:
    rows = [
        (e.user_id, e.version, e.kind is Kind.DELETION, e.kind is Kind.SNAPSHOT)
        + (
            (e.state.username, e.state.is_active, e.state.tokens_valid_after, e.state.created_at)
            if e.state
            else (None, None, None, None)
        )
        for e in events
    ]
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(8)]
