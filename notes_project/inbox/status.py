"""How the pipeline stands on this side: lag, outcomes, dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.utils import timezone

from inbox.models import DeadLetter, EventLog, Position
from inbox.positions import require_inside
from inbox.topic import end_offsets

MINUTES = 5


@dataclass(frozen=True, slots=True)
class Status:
    """Args:
    lag: messages not yet applied, by partition; 0 everywhere while the source is idle.
    per_minute: messages recorded in the last minutes, by outcome.
    last_recorded_at: when the newest message was recorded; None when there was none.
    """

    lag: dict[int, int]
    per_minute: dict[str, float]
    dead_letters: int
    last_recorded_at: datetime | None

    @property
    def total_lag(self) -> int:
        return sum(self.lag.values())

    @property
    def last_recorded(self) -> str | None:
        """As RFC 3339 has it."""
        moment = self.last_recorded_at
        return None if moment is None else moment.isoformat().replace("+00:00", "Z")

    def as_json(self) -> dict[str, Any]:
        return {
            "lag": {str(number): lag for number, lag in self.lag.items()},
            "total_lag": self.total_lag,
            "per_minute": self.per_minute,
            "dead_letters": self.dead_letters,
            "last_recorded_at": self.last_recorded,
        }


def read_status() -> Status:
    """Raises BrokerUnavailable, CannotRead."""
    # Positions first: one that moves in between makes the lag larger than it is, never negative.
    stored = Position.objects.filter(topic=settings.KAFKA_TOPIC)
    positions = dict(stored.values_list("partition", "next_offset"))
    ends = end_offsets(settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC)
    for number, (begin, end) in ends.items():
        require_inside(f"{settings.KAFKA_TOPIC}[{number}]", positions.get(number, 0), begin, end)
    recent = EventLog.objects.filter(recorded_at__gt=timezone.now() - timedelta(minutes=MINUTES))
    outcomes = recent.values_list("outcome").annotate(count=Count("id")).order_by("outcome")
    return Status(
        lag={
            number: end - max(positions.get(number, 0), begin)
            for number, (begin, end) in sorted(ends.items())
        },
        per_minute={outcome: count / MINUTES for outcome, count in outcomes},
        dead_letters=DeadLetter.objects.open().count(),
        last_recorded_at=EventLog.objects.aggregate(newest=Max("recorded_at"))["newest"],
    )
