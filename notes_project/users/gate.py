"""The version gate: the only code that writes shadow users.

A row changes only when what comes in is newer than what is stored, so events may arrive late,
twice or in any order, and a token may tell of a user before the event does. A deleted user's
tombstone closes the gate for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

_UPSERT = """
INSERT INTO users AS stored (id, version, username, is_active, tokens_valid_after, created_at)
SELECT * FROM json_to_recordset(%s) AS incoming (id uuid, version bigint, username text,
    is_active boolean, tokens_valid_after timestamptz, created_at timestamptz)
WHERE NOT EXISTS (SELECT FROM deleted_users AS deleted WHERE deleted.id = incoming.id)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET
    version = EXCLUDED.version, username = EXCLUDED.username, is_active = EXCLUDED.is_active,
    tokens_valid_after = EXCLUDED.tokens_valid_after, created_at = EXCLUDED.created_at
WHERE stored.version < EXCLUDED.version
   OR (%s AND stored.version = EXCLUDED.version AND stored IS DISTINCT FROM EXCLUDED)
RETURNING id
"""

_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(id::text, 0))
FROM unnest(%s::uuid[]) AS locked (id) ORDER BY id
"""

_BURY = """
INSERT INTO deleted_users AS stored (id, version)
SELECT * FROM unnest(%s::uuid[], %s::bigint[]) AS incoming (id, version) ORDER BY id
ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version WHERE stored.version < EXCLUDED.version
RETURNING id
"""

_DELETE_NOTES = """
DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE user_id = ANY(%s) LIMIT %s)
"""
NOTES_AT_ONCE = 1000
# Up to here every reader of JSON takes an integer exactly. A user who has it changes on by
# snapshots, of which the last in the topic counts: see docs/events.
LAST_VERSION = 2**53 - 1


class UserState(NamedTuple):
    """All that this service knows of a user at one version; times are aware."""

    id: UUID
    version: int
    username: str
    is_active: bool
    tokens_valid_after: datetime
    created_at: datetime


def lock_users(ids: Sequence[UUID]) -> None:
    """Takes the locks, until the commit, that every writer of these users takes first.

    Row locks do not suffice: an upsert that waits for the row of a user who is being deleted goes
    on as an insert, and does not look for the tombstone again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(ids)])


def apply_states(states: Sequence[UserState], *, repair: bool = False) -> set[UUID]:
    """Stores the states that are newer than what is stored.

    The caller holds the transaction and the users' locks.

    Args:
        states: at most one for each user.
        repair: also store a state of the stored version where the row differs from it.

    Returns:
        The ids of the users whose row was written.
    """
    if not states:
        return set()
    with connection.cursor() as cursor:
        # One text: as an array for each column it takes the driver far longer to write.
        rows = orjson.dumps([state._asdict() for state in states]).decode()
        cursor.execute(_UPSERT, [rows, repair])
        return {row[0] for row in cursor.fetchall()}


def delete_users(versions: dict[UUID, int]) -> set[UUID]:
    """Leaves a tombstone for each user, then deletes the row and, by cascade, the notes.

    The caller holds the transaction and the users' locks. Returns the ids whose tombstone is new
    or newer.
    """
    if not versions:
        return set()
    ids = list(versions)
    with connection.cursor() as cursor:
        cursor.execute(_BURY, [ids, list(versions.values())])
        buried = {row[0] for row in cursor.fetchall()}
        cursor.execute("DELETE FROM users WHERE id = ANY(%s)", [ids])
    return buried


def delete_notes(ids: Sequence[UUID]) -> None:
    """Deletes the notes of users who are about to be deleted, in pieces that commit by themselves.

    The cascade alone can take longer than a statement may: a minute for a million of them.
    """
    deleted = NOTES_AT_ONCE if ids else 0
    with connection.cursor() as cursor:
        while deleted == NOTES_AT_ONCE:
            cursor.execute(_DELETE_NOTES, [list(ids), NOTES_AT_ONCE])
            deleted = cursor.rowcount


def stored_versions(ids: Sequence[UUID]) -> dict[UUID, int]:
    """The version of each user's row or tombstone, 0 where there is neither."""
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, COALESCE(deleted_users.version, users.version, 0)"
            " FROM unnest(%s::uuid[]) AS wanted (id)"
            " LEFT JOIN users USING (id) LEFT JOIN deleted_users USING (id)",
            [list(ids)],
        )
        return dict(cursor.fetchall())


def provision(state: UserState) -> None:
    """Stores the facts of an access token, in a transaction of its own."""
    with transaction.atomic():
        lock_users([state.id])
        apply_states([state])
