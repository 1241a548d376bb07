"""How the pipeline stands on this side: what has not left yet, and whether a relay is at work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from outbox.models import OutboxEvent
from outbox.relay import ADVISORY_LOCK


@dataclass(frozen=True, slots=True)
class Status:
    """Args:
    depth: rows in the outbox.
    oldest: the row that has waited longest, or None.
    relay_active: whether some relay holds the advisory lock.
    """

    depth: int
    oldest: OutboxEvent | None
    relay_active: bool
    read_at: datetime

    @property
    def oldest_age(self) -> float:
        """Seconds that the oldest row has waited; 0 while there is none."""
        return (self.read_at - self.oldest.created_at).total_seconds() if self.oldest else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "outbox_depth": self.depth,
            "oldest_age_seconds": round(self.oldest_age, 3),
            "oldest_position": self.oldest and self.oldest.position,
            "oldest_user_id": self.oldest and self.oldest.aggregateid,
            "relay_active": self.relay_active,
        }


def read_status(at_most: int | None = None) -> Status:
    """
    Args:
        at_most: how far the rows are counted; all by default.
    """
    pending = OutboxEvent.objects.pending()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database"
            " WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1"
            " AND granted AND d.datname = current_database())",
            [ADVISORY_LOCK],
        )
        (relay_active,) = cursor.fetchone() or (False,)
    depth = OutboxEvent.objects.all()[:at_most].count()
    return Status(depth, pending.first(), relay_active, timezone.now())
