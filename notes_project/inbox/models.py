"""What arrived from Kafka, how far it was read, and what could not be applied."""

from __future__ import annotations

import base64
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.utils import timezone

from inbox.messages import RawMessage


class Outcome(models.TextChoices):
    APPLIED = "applied", "applied"
    STALE = "stale", "stale: an older state than the one stored"
    DUPLICATE = "duplicate", "duplicate: the state already stored"
    SUPERSEDED = "superseded", "superseded: a newer state stood in the same batch"
    IGNORED = "ignored", "ignored: a type this service does not use"
    DEAD = "dead", "dead: set aside as a dead letter"


class Position(models.Model):
    """The next offset to apply of a partition; moves in the transaction that applies."""

    pk = models.CompositePrimaryKey("topic", "partition")
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    next_offset = models.BigIntegerField()
    updated_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "positions"

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.next_offset}"


class Topic(models.Model):
    """The topic that the positions are of, by the id that Kafka gave it."""

    name = models.CharField(max_length=249, primary_key=True)
    topic_id = models.CharField(max_length=36)

    class Meta:
        db_table = "topics"

    def __str__(self) -> str:
        return self.name


class EventLogQuerySet(models.QuerySet["EventLog"]):
    def that_brought(self, user_id: UUID, version: int) -> EventLog | None:
        """The newest event of the user that had this version or a later one in it."""
        with_state = self.exclude(outcome__in=(Outcome.IGNORED, Outcome.DEAD))
        return with_state.filter(user_id=user_id, version__gte=version).order_by("-id").first()


class EventLog(models.Model):
    """One row for each message read, with its outcome: the transaction log of the service."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    event_id = models.TextField(null=True)  # noqa: DJ001 - a dead letter may have none
    type = models.TextField(null=True)  # noqa: DJ001
    user_id = models.UUIDField(null=True)
    version = models.BigIntegerField(null=True)
    event_time = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    recorded_at = models.DateTimeField(db_default=TransactionNow())

    objects = EventLogQuerySet.as_manager()

    class Meta:
        db_table = "event_log"
        verbose_name = "event"
        verbose_name_plural = "event log"
        indexes = [
            models.Index(fields=["user_id", "id"], name="event_log_user"),
            models.Index(fields=["recorded_at"], name="event_log_recorded"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset} {self.outcome}"


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    def open(self) -> DeadLetterQuerySet:
        return self.filter(resolution=None)

    def discard(self, reason: str) -> int:
        """Closes those that are open without applying them. Returns how many."""
        return self.open().update(
            resolution=DeadLetter.Resolution.DISCARDED,
            resolution_note=reason,
            resolved_at=timezone.now(),
        )


class DeadLetter(models.Model):
    """A message that could not be applied, to the byte, and what became of it."""

    class Resolution(models.TextChoices):
        REPLAYED = "replayed", "replayed"
        DISCARDED = "discarded", "discarded"

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    key = models.BinaryField(null=True)
    value = models.BinaryField(null=True)
    # [[name, base64 value or null], …]: Kafka allows a name to repeat, and any bytes.
    headers = models.JSONField(default=list)
    reason = models.TextField()
    created_at = models.DateTimeField(db_default=TransactionNow())
    resolution = models.CharField(  # noqa: DJ001 - NULL is "open"
        max_length=10, choices=Resolution.choices, null=True
    )
    resolved_at = models.DateTimeField(null=True)
    resolution_note = models.TextField(db_default="")

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        db_table = "dead_letters"
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "partition", "offset"], name="dead_letters_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}: {self.reason}"

    def message(self) -> RawMessage:
        """The message as Kafka gave it."""
        return RawMessage(
            self.topic,
            self.partition,
            self.offset,
            None if self.key is None else bytes(self.key),
            None if self.value is None else bytes(self.value),
            tuple(
                (name, None if value is None else base64.b64decode(value))
                for name, value in self.headers
            ),
        )

    def resolve(self, resolution: Resolution, note: str = "") -> None:
        self.resolution, self.resolution_note = resolution, note
        self.resolved_at = timezone.now()
        self.save(update_fields=["resolution", "resolution_note", "resolved_at"])
