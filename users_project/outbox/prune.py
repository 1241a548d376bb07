"""Empties the outbox where Debezium reads it from PostgreSQL's log, in the relay's place."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection


class NoSuchSlot(Exception):
    """The database has no logical replication slot of this name."""


class Mark(NamedTuple):
    """Committed rows of the outbox, and a place in the log (an LSN) behind all of them."""

    positions: list[int]
    lsn: str


def mark(limit: int) -> Mark:
    """The oldest rows, at most ``limit``.

    A row is seen once its commit is in the log, and the end of the log is asked after that.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH seen AS MATERIALIZED (SELECT position FROM outbox ORDER BY position LIMIT %s)"
            " SELECT coalesce(array_agg(position), '{}'), pg_current_wal_insert_lsn()::text"
            " FROM seen",
            [limit],
        )
        return Mark(*(cursor.fetchone() or ([], "0/0")))


def has_passed(slot: str, lsn: str) -> bool:
    """Whether Kafka has everything before this place, as the slot's reader confirmed.

    Raises:
        NoSuchSlot.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT confirmed_flush_lsn > %s::pg_lsn FROM pg_replication_slots"
            " WHERE slot_name = %s AND database = current_database()",
            [lsn, slot],
        )
        row = cursor.fetchone()
    if row is None:
        raise NoSuchSlot
    return bool(row[0])


def delete(positions: list[int]) -> int:
    """Returns how many rows there were."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM outbox WHERE position = ANY(%s)", [positions])
        return int(cursor.rowcount)
