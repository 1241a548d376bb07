"""Start-up checks of the outbox's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def replicas_suffice(**_: Any) -> list[CheckMessage]:
    """A broker refuses every write where fewer replicas exist than must have it."""
    if settings.KAFKA_TOPIC_MIN_INSYNC_REPLICAS <= settings.KAFKA_TOPIC_REPLICATION_FACTOR:
        return []
    return [
        Error(
            "KAFKA_TOPIC_MIN_INSYNC_REPLICAS is larger than KAFKA_TOPIC_REPLICATION_FACTOR.",
            hint="Use 1 and 1 with one broker, 2 and 3 with three.",
            id="outbox.E001",
        )
    ]
