"""``manage.py create_topics``: makes the topic as the settings ask; safe to repeat."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from outbox.topic import (
    BrokerUnavailable,
    NotAllowed,
    TopicDiffers,
    TopicImpossible,
    create_topic,
)


class Command(BaseCommand):
    help = (
        "Creates the topic of user events as the KAFKA_TOPIC settings ask. Where it exists and"
        " differs, says how and exits with 1."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        topic = settings.KAFKA_TOPIC
        try:
            created = create_topic(
                settings.KAFKA_BOOTSTRAP_SERVERS,
                topic,
                partitions=settings.KAFKA_TOPIC_PARTITIONS,
                replication_factor=settings.KAFKA_TOPIC_REPLICATION_FACTOR,
                min_insync_replicas=settings.KAFKA_TOPIC_MIN_INSYNC_REPLICAS,
            )
        except TopicDiffers as error:
            raise CommandError(
                f"The topic {topic} exists and differs: {error}. Set the KAFKA_TOPIC variables to"
                " what it has, or move to a new topic; cleanup.policy is set by kafka-configs.sh"
                " (docs/operations.md)."
            ) from error
        except TopicImpossible as error:
            raise CommandError(
                f"There can be no topic {topic} as asked: {error}. Correct the KAFKA_TOPIC"
                " variables."
            ) from error
        except NotAllowed as error:
            raise CommandError(f"The topic {topic} cannot be made: {error}.") from error
        except BrokerUnavailable as error:
            raise CommandError(
                f"Kafka at {settings.KAFKA_BOOTSTRAP_SERVERS} cannot create the topic {topic}:"
                f" {error}. Start it, or correct KAFKA_BOOTSTRAP_SERVERS."
            ) from error
        self.stdout.write(f"{topic}: {'created' if created else 'there already, as asked'}")
