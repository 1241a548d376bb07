"""Sends users again, by way of the outbox: for new readers, and after a restore of users_db."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

BATCH = 2000
FIRST_ID = UUID(int=0)

_SNAPSHOT = """
INSERT INTO outbox (aggregatetype, type, payload)
SELECT 'user', 'user.snapshot.v1', user_event_data(u) FROM users AS u WHERE id = ANY(%s)
"""
_CREATE = """
CREATE TEMPORARY TABLE topic_users (
    id uuid PRIMARY KEY, version bigint, deleted boolean, data jsonb
)
"""
_KEEP_NEWEST = """
INSERT INTO topic_users AS kept
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::boolean[], %s::jsonb[])
ON CONFLICT (id) DO UPDATE SET
    version = EXCLUDED.version, deleted = EXCLUDED.deleted, data = EXCLUDED.data
WHERE (kept.deleted, kept.version) <= (EXCLUDED.deleted, EXCLUDED.version)
"""
# Rows of users whose event still waits in the outbox are on their way, and no difference.
_WAITS = "EXISTS (SELECT FROM outbox AS o WHERE o.aggregateid = id::text)"
_DIFFERENCES = {
    "unsent": "FROM users AS u LEFT JOIN topic_users AS t USING (id)"
    " WHERE (t.id IS NULL OR NOT t.deleted AND t.version < u.version)",
    "behind": "FROM users AS u JOIN topic_users AS t USING (id) WHERE NOT t.deleted"
    " AND (t.version > u.version"
    " OR t.version = u.version AND t.data <> user_event_data(u))",
    "deleted": "FROM users AS u JOIN topic_users AS t USING (id) WHERE t.deleted",
    "unknown": "FROM topic_users AS t LEFT JOIN users AS u USING (id)"
    " WHERE NOT t.deleted AND u.id IS NULL",
}
_TYPES = ("user.created.v1", "user.updated.v1", "user.snapshot.v1", "user.deleted.v1")
DELETING = ("deleted", "unknown")
_REPAIRS = {
    "unsent": _SNAPSHOT,
    # The trigger sends it: a version that every reader takes for newer.
    "behind": "UPDATE users SET version = t.version + 1 FROM topic_users AS t"
    " WHERE users.id = t.id AND users.id = ANY(%s)",
    "deleted": "DELETE FROM users WHERE id = ANY(%s)",
    "unknown": "INSERT INTO outbox (aggregatetype, type, payload)"
    " SELECT 'user', 'user.deleted.v1', jsonb_build_object('id', id, 'version', version + 1)"
    " FROM topic_users WHERE id = ANY(%s)",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many users differ from the topic, and the ids of the first few of each kind.

    Args:
        counts: ``unsent``: the topic has an older state or none; ``behind``: it has a newer one, or
            another one of the same version; ``deleted``: it says that the user is deleted;
            ``unknown``: it has a user that is not here.
    """

    counts: dict[str, int]
    samples: dict[str, list[UUID]]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def publish_snapshots(after: UUID, ids: Sequence[UUID] | None = None) -> list[UUID]:
    """Puts one batch of snapshots into the outbox, by id; ``ids`` limits it to these users.

    The row locks make a snapshot's place in the outbox agree with the order of its user's
    changes, so the newest state stays the last one in the topic.

    Returns:
        The ids, in order; the last one is where the next batch begins.
    """
    wanted = None if ids is None else list(ids)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM users WHERE id > %s AND (%s::uuid[] IS NULL OR id = ANY(%s::uuid[]))"
            " ORDER BY id LIMIT %s FOR NO KEY UPDATE",
            [after, wanted, wanted, BATCH],
        )
        batch = [row[0] for row in cursor.fetchall()]
        # A statement of its own: it sees what those committed whom the lock waited for.
        cursor.execute(_SNAPSHOT, [batch])
    return batch


def raise_above(version: int, ids: Sequence[UUID]) -> None:
    """Gives these users a version above this one, where they have none; the trigger sends them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [list(ids)])
        cursor.execute(
            "UPDATE users SET version = %s WHERE id = ANY(%s) AND version <= %s",
            [version + 1, list(ids), version],
        )


def publish_deletions(version: int, ids: Sequence[UUID]) -> int:
    """Tells of those ids that are no user's that they are deleted. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox (aggregatetype, type, payload)"
            " SELECT 'user', 'user.deleted.v1', jsonb_build_object('id', id, 'version', %s)"
            " FROM unnest(%s::uuid[]) AS named (id) LEFT JOIN users USING (id)"
            " WHERE users.id IS NULL",
            [version + 1, list(ids)],
        )
        return int(cursor.rowcount)


def load(batches: Iterable[list[bytes]], progress: Callable[[int], None]) -> None:
    """Fills the temporary table with the newest event of each user in the topic."""
    read = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS topic_users")
        cursor.execute(_CREATE)
        for batch in batches:
            cursor.execute(_KEEP_NEWEST, _newest(batch))
            read += len(batch)
            progress(read)
        cursor.execute("ANALYZE topic_users")


def compare(samples: int = 5) -> Comparison:
    counts, examples = {}, {}
    with connection.cursor() as cursor:
        for name, difference in _DIFFERENCES.items():
            cursor.execute(f"SELECT count(*) {difference} AND NOT {_WAITS}")
            counts[name] = int((cursor.fetchone() or (0,))[0])
            cursor.execute(f"SELECT id {difference} AND NOT {_WAITS} LIMIT %s", [samples])
            examples[name] = [row[0] for row in cursor.fetchall()]
    return Comparison(counts, examples)


def repair(*, delete: bool) -> int:
    """Makes the topic equal to users_db, in small transactions. Returns how many users.

    Args:
        delete: also delete those who are ``deleted`` and ``unknown``, with their notes.
    """
    repaired = 0
    for name, statement in _REPAIRS.items():
        if name in DELETING and not delete:
            continue
        for ids in _in_batches(_DIFFERENCES[name]):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT FROM users WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
                cursor.execute(statement, [ids])
            repaired += len(ids)
    return repaired


def _in_batches(difference: str) -> Iterator[list[UUID]]:
    last = FIRST_ID
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id {difference} AND NOT {_WAITS} AND id > %s ORDER BY id LIMIT %s",
                [last, BATCH],
            )
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        yield ids
        last = ids[-1]


def _newest(batch: Iterable[bytes]) -> list[list[Any]]:
    """The columns of the temporary table, of the last word on each user in the batch."""
    newest: dict[UUID, tuple[bool, int, str]] = {}
    for value in batch:
        try:
            user, word = _read(value)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # No event: readers set it aside, and it says nothing of any user.
        rival = newest.get(user)
        if rival is None or rival[:2] <= word[:2]:
            newest[user] = word
    return [
        list(newest),
        [version for _, version, _ in newest.values()],
        [deleted for deleted, _, _ in newest.values()],
        [data for _, _, data in newest.values()],
    ]


def _read(value: bytes) -> tuple[UUID, tuple[bool, int, str]]:
    """A user; whether the user is deleted, the version, and the data as JSON for PostgreSQL."""
    event = json.loads(value)
    data, version = event["data"], event["data"]["version"]
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    text.encode()  # A lone surrogate, and NUL, are nothing that PostgreSQL takes.
    if event["type"] not in _TYPES or "\\u0000" in text:
        raise ValueError
    if type(version) is not int or not 0 < version < 2**63 - 1:
        raise ValueError
    return UUID(data["id"]), (event["type"] == "user.deleted.v1", version, text)
