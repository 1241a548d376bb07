"""``manage.py relay_outbox``: sends the outbox to Kafka."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import roles
from config.postgresql.base import limit_answers, prepare_statements
from outbox.kafka import Publisher, producer_config
from outbox.relay import Relay
from outbox.signals import StopRequest

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Sends the rows of the outbox to Kafka, until SIGTERM or SIGINT: then the batch in hand is"
        " finished and the exit code is 0. Of several relays one is active; the others stand by.\n"
        "Example: relay_outbox"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = StopRequest()
        limit_answers()
        prepare_statements()
        try:
            roles.require("users_relay")
        except roles.WrongRole as error:
            raise CommandError(str(error)) from error
        config = producer_config(settings.KAFKA_BOOTSTRAP_SERVERS)
        logger.info("relay_started", topic=settings.KAFKA_TOPIC)
        Relay(lambda: Publisher(config, settings.KAFKA_TOPIC), stop).run()
        logger.info("relay_stopped")
