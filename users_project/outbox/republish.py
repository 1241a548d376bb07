"""Sends users again, by way of the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

from outbox.messages import LAST_VERSION

BATCH = 2000
FIRST_ID = UUID(int=0)

SNAPSHOT = """
INSERT INTO outbox (aggregatetype, type, payload)
SELECT 'user', 'user.snapshot.v1', user_event_data(u) FROM users AS u WHERE id = ANY(%s)
"""
_AFTER = "FROM users WHERE id > %s AND (%s::uuid[] IS NULL OR id = ANY(%s::uuid[]))"
_NOBODY = "FROM unnest(%s::uuid[]) AS named (id) LEFT JOIN users USING (id) WHERE users.id IS NULL"


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
            f"SELECT id {_AFTER} ORDER BY id LIMIT %s FOR NO KEY UPDATE",
            [after, wanted, wanted, BATCH],
        )
        batch = [row[0] for row in cursor.fetchall()]
        # A statement of its own: it sees what those committed whom the lock waited for.
        cursor.execute(SNAPSHOT, [batch])
    return batch


def count_snapshots(after: UUID, ids: Sequence[UUID] | None = None) -> int:
    """How many there would be in all batches."""
    wanted = None if ids is None else list(ids)
    return _count(_AFTER, after, wanted, wanted)


def raise_above(version: int, ids: Sequence[UUID]) -> int:
    """Gives these users a version above this one, where they have none; the trigger sends them.

    Above the last one it is the last one again, sent as a snapshot. Returns how many.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [list(ids)])
        cursor.execute(
            "UPDATE users SET version = %s WHERE id = ANY(%s) AND version <= %s",
            [version + 1, list(ids), version],
        )
        return int(cursor.rowcount)


def count_not_above(version: int, ids: Sequence[UUID]) -> int:
    return _count("FROM users WHERE id = ANY(%s) AND version <= %s", list(ids), version)


def publish_deletions(version: int, ids: Sequence[UUID]) -> int:
    """Tells of those ids that are no user's that they are deleted. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox (aggregatetype, type, payload) SELECT 'user', 'user.deleted.v1',"
            f" jsonb_build_object('id', id, 'version', %s) {_NOBODY}",
            [min(version + 1, LAST_VERSION), list(ids)],
        )
        return int(cursor.rowcount)


def count_nobody(ids: Sequence[UUID]) -> int:
    """How many of the ids are no user's."""
    return _count(_NOBODY, list(ids))


def _count(rows: str, *parameters: UUID | int | list[UUID] | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {rows}", parameters)
        return int((cursor.fetchone() or (0,))[0])
