"""The outbox, with the columns that Debezium's outbox event router expects.

https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import connection, models

# Rows that are looked through for those of one user; no index is kept for that.
LOOKED_AT = 1000


class PendingEvent(NamedTuple):
    """What the relay sends of a row; the payload stays the text that PostgreSQL gives."""

    position: int
    user_id: str
    payload: str
    traceparent: str | None


# As SQL: the ORM takes longer to write this query than PostgreSQL to run it.
_FIRST_PENDING = """
SELECT position, aggregateid, payload::text, traceparent FROM outbox
WHERE aggregateid <> ALL(%(besides)s::text[]) AND (
    aggregateid <> ALL(%(one_each)s::text[]) OR position IN (
        SELECT min(position) FROM outbox
        WHERE aggregateid = ANY(%(one_each)s::text[]) GROUP BY aggregateid
    )
)
ORDER BY position LIMIT %(limit)s
"""


class OutboxQuerySet(models.QuerySet["OutboxEvent"]):
    def pending(self) -> OutboxQuerySet:
        """Everything not yet acknowledged by the broker, oldest first.

        Never "position greater than the last seen": a position is taken before its transaction
        commits, so a lower one can still appear.
        """
        return self.order_by("position")

    def first_pending(
        self, limit: int, *, besides: Collection[str] = (), one_each: Collection[str] = ()
    ) -> list[PendingEvent]:
        """Up to ``limit`` pending rows.

        Args:
            besides: users of whom there is to be none.
            one_each: users of whom there is to be the oldest alone.
        """
        users = {"besides": list(besides), "one_each": list(one_each)}
        with connection.cursor() as cursor:
            cursor.execute(_FIRST_PENDING, {**users, "limit": limit})
            return [PendingEvent(*row) for row in cursor.fetchall()]

    def waits(self, user_id: str) -> bool | None:
        """Whether an event of the user is pending; None where too many are to look at them all."""
        newest = self.order_by("-position").values_list("aggregateid", flat=True)[:LOOKED_AT]
        users = list(newest)
        return True if user_id in users else None if len(users) == LOOKED_AT else False

    def delete_sent(self, positions: list[int]) -> None:
        """One array as a parameter: Django's ``IN`` makes each position a parameter of its own."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM outbox WHERE position = ANY(%s)", [positions])


class OutboxEvent(models.Model):
    position = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(db_column="id", db_default=RandomUUID())
    aggregatetype = models.CharField(max_length=255)
    aggregateid = models.CharField(max_length=255)
    type = models.CharField(max_length=255)
    payload = models.JSONField()
    traceparent = models.CharField(max_length=55, null=True)  # noqa: DJ001 - NULL is "not traced"
    created_at = models.DateTimeField(db_default=TransactionNow())

    objects = OutboxQuerySet.as_manager()

    class Meta:
        db_table = "outbox"
        verbose_name = "outbox row"

    def __str__(self) -> str:
        return f"{self.position} {self.type} {self.aggregateid}"
