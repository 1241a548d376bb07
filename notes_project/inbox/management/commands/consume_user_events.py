"""``manage.py consume_user_events``: keeps the shadow users equal to the users."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import roles
from config.arguments import between
from config.postgresql.base import limit_answers, prepare_statements
from config.progress import Progress
from inbox.consumer import EventConsumer, TooManyDeadLetters
from inbox.kafka import Subscription, consumer_config
from inbox.models import Position, Topic
from inbox.positions import CannotRead
from inbox.signals import StopRequest
from inbox.topic import BrokerUnavailable, group_size

logger = structlog.get_logger(__name__)

# A consumer that was killed, or ended while it joined, stays in the group for its session timeout:
# 10 s, and 45 s with the group protocol of KIP-848. Seconds.
LEAVING = 60.0

# Each message may take an advisory lock; PostgreSQL has room for some thousands in all sessions.
MOST = 2000


class Command(BaseCommand):
    help = (
        "Reads the topic of user events and applies them to the shadow users, until SIGTERM or"
        " SIGINT: then the batch in hand is finished and the exit code is 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="apply one batch, then stop")
        parser.add_argument(
            "--until-caught-up",
            action="store_true",
            help="stop at the end of the topic, whichever worker of the group reads it",
        )
        parser.add_argument(
            "--from-beginning",
            action="store_true",
            help="forget the stored positions and read the whole topic again; changes nothing"
            " that is up to date",
        )
        parser.add_argument(
            "--batch-size",
            type=between(1, MOST),
            default=500,
            metavar="MESSAGES",
            help=f"messages in one transaction, {MOST} at most (500)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = StopRequest()
        limit_answers()
        prepare_statements()
        if not (options["once"] or options["until_caught_up"]):  # Else it is an operator's.
            self._require_role()
        if options["from_beginning"]:
            self._require_no_other(stop)
            Position.objects.filter(topic=settings.KAFKA_TOPIC).delete()
            Topic.objects.filter(name=settings.KAFKA_TOPIC).delete()
        subscription = self._subscribe(stop)
        if subscription is None:
            return
        consumer = EventConsumer(subscription, settings.KAFKA_TOPIC, options["batch_size"])
        try:
            self._run(consumer, stop, options)
        except (CannotRead, TooManyDeadLetters) as error:
            raise CommandError(str(error)) from error
        finally:
            subscription.close()
            logger.info("consumer_stopped")

    def _subscribe(self, stop: StopRequest) -> Subscription | None:
        """Waits for the broker; None when told to stop before it answered."""
        config = consumer_config(
            settings.KAFKA_BOOTSTRAP_SERVERS,
            settings.KAFKA_GROUP_ID,
            settings.KAFKA_GROUP_PROTOCOL,
        )
        while not stop():
            try:
                return Subscription(config, settings.KAFKA_TOPIC)
            except CannotRead as error:
                raise CommandError(str(error)) from error
            except BrokerUnavailable as error:
                logger.warning(
                    "broker_unavailable",
                    servers=settings.KAFKA_BOOTSTRAP_SERVERS,
                    error=str(error),
                    hint="Start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS. Trying again.",
                )
                time.sleep(1)
        return None

    def _run(self, consumer: EventConsumer, stop: StopRequest, options: dict[str, Any]) -> None:
        logger.info("consumer_started", topic=consumer.topic, group=settings.KAFKA_GROUP_ID)
        if options["once"]:
            while not stop() and not consumer.step():
                pass
            consumer.finish()
        elif options["until_caught_up"]:
            self._run_on(consumer, lambda: stop() or consumer.caught_up())
        else:
            self._run_on(consumer, stop)
        consumer.require_few_dead_letters()

    def _run_on(self, consumer: EventConsumer, stop: Callable[[], bool]) -> None:
        with Progress("messages") as progress:
            if progress.on_terminal:
                consumer.run(stop, lambda applied: progress.show(applied, consumer.lag()))
            else:  # The log says enough.
                consumer.run(stop)

    def _require_role(self) -> None:
        try:
            roles.require("notes_consumer")
        except roles.WrongRole as error:
            raise CommandError(str(error)) from error

    def _require_no_other(self, stop: StopRequest) -> None:
        """Its next batch would store the positions that are to be forgotten."""
        deadline = time.monotonic() + LEAVING
        try:
            while members := group_size(settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_GROUP_ID):
                if stop() or time.monotonic() > deadline:
                    raise CommandError(
                        f"Consumers in the group {settings.KAFKA_GROUP_ID}: {members}. Stop them"
                        " first."
                    )
                time.sleep(0.5)
        except BrokerUnavailable as error:
            raise CommandError(f"Kafka cannot say whether a consumer runs: {error}") from error
