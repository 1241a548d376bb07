"""The outbox, with the columns that Debezium's outbox event router expects.

https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html
"""

from __future__ import annotations

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models
from django.db.models.functions import Cast


class OutboxQuerySet(models.QuerySet["OutboxEvent"]):
    def pending(self) -> OutboxQuerySet:
        """Everything not yet acknowledged by the broker, oldest first.

        Never "position greater than the last seen": a position is taken before its transaction
        commits, so a lower one can still appear.
        """
        return self.order_by("position")

    def with_payload_text(self) -> OutboxQuerySet:
        """The payload as the text to send, without a way through Python objects."""
        return self.defer("payload").annotate(payload_text=Cast("payload", models.TextField()))


class OutboxEvent(models.Model):
    position = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(db_column="id", db_default=RandomUUID())
    aggregatetype = models.CharField(max_length=255)
    aggregateid = models.CharField(max_length=255)
    type = models.CharField(max_length=255)
    payload = models.JSONField()
    traceparent = models.CharField(max_length=55, null=True)  # noqa: DJ001 - NULL is "not traced"
    created_at = models.DateTimeField(db_default=TransactionNow())

    payload_text: str  # from with_payload_text()
    objects = OutboxQuerySet.as_manager()

    class Meta:
        db_table = "outbox"
        verbose_name = "outbox row"

    def __str__(self) -> str:
        return f"{self.position} {self.type} {self.aggregateid}"
