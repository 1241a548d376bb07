"""Deletes what was kept long enough, in transactions that are short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from accounts import sessions
from accounts.models import PendingAddress

BATCH = 1000
# Ids follow the times at which tokens are made, but for those of transactions at once.
_BEFORE_THE_YOUNG = (
    "id < coalesce((SELECT id FROM refresh_tokens WHERE created_at >= now() - %s"
    " ORDER BY id LIMIT 1), 9223372036854775807)"
)


@dataclass
class Rows:
    """Rows of a table; those that somebody has locked are left alone."""

    table: str
    condition: str
    values: tuple[Any, ...] = ()

    def count(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM {self.table} WHERE {self.condition}",  # noqa: S608
                self.values,
            )
            return int(cursor.fetchone()[0])

    def delete(self) -> Iterator[int]:
        """Gives how many went with each transaction."""
        with connection.cursor() as cursor:
            while True:
                cursor.execute(
                    f"DELETE FROM {self.table} WHERE ctid = ANY(ARRAY("  # noqa: S608
                    f"SELECT ctid FROM {self.table} WHERE {self.condition}"
                    " LIMIT %s FOR UPDATE SKIP LOCKED))",
                    [*self.values, BATCH],
                )
                if not cursor.rowcount:
                    return
                yield cursor.rowcount


@dataclass
class AuditEntries(Rows):
    """The one way to delete some, which nobody needs the right to delete for."""

    table: str = "audit_log"
    condition: str = "at < now() - make_interval(days => %s)"

    def delete(self) -> Iterator[int]:
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT prune_audit_log(%s, %s)", [*self.values, BATCH])
                (deleted,) = cursor.fetchone()
                if not deleted:
                    return
                yield deleted


def kinds() -> dict[str, Rows]:
    """By the name that the counts have."""
    unused = sessions.IDLE_LIFETIME
    return {
        "tokens": Rows(
            "refresh_tokens",
            f"{_BEFORE_THE_YOUNG} AND created_at < now() - %s",
            (unused, unused),
        ),
        "sessions": Rows("sessions", "expires_at < now()"),
        "browser_sessions": Rows("django_session", "expire_date < now()"),
        "pending_addresses": Rows(
            "pending_addresses", "created_at < now() - %s", (PendingAddress.LIFETIME,)
        ),
        "audit_entries": AuditEntries(values=(settings.USERS_AUDIT_DAYS,)),
    }


def count() -> dict[str, int]:
    return {name: rows.count() for name, rows in kinds().items()}


def delete(show: Callable[[int], None]) -> dict[str, int]:
    """Calls ``show`` with the number of rows deleted so far, now and then."""
    counts = dict.fromkeys(kinds(), 0)
    for name, rows in kinds().items():
        for deleted in rows.delete():
            counts[name] += deleted
            show(sum(counts.values()))
    return counts
