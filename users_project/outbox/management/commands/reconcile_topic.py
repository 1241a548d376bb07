"""``manage.py reconcile_topic``: finds the users whom the topic has otherwise, and repairs it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.progress import Progress
from config.words import counted
from outbox import reconcile
from outbox.republish import BATCH
from outbox.topic import BrokerUnavailable, read_topic


class Command(BaseCommand):
    help = (
        "Reads the whole topic and makes it follow users_db, as a restore of users_db from a"
        " backup needs it. Users of whom the topic has an older state or none are sent; those of"
        " whom it has a newer state, or another one of the same version, get a version above it."
        " Users whom the topic has and users_db has not, or of whom the topic says that they are"
        " deleted, are only counted; with --delete they are deleted everywhere, their notes too."
        " Safe to repeat. Exits with 1 where a dry run finds a difference, or one is left.\n"
        "Examples: reconcile_topic --dry-run; reconcile_topic; reconcile_topic --delete"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="compare, and change nothing")
        parser.add_argument("--delete", action="store_true", help="also delete users for good")

    def handle(self, *args: Any, **options: Any) -> None:
        delete: bool = options["delete"]
        unreadable = self._load()
        comparison = reconcile.compare()
        for name, count in comparison.counts.items():
            samples = comparison.samples[name]
            named = ", ".join([*map(str, samples), *(["…"] if len(samples) < count else [])])
            self.stdout.write(f"{name:<10} {count}{f' ({named})' if count else ''}")
        self.stdout.write(f"unreadable {counted(unreadable, 'message')}")
        wanted = comparison.repairable(delete=delete)
        left = comparison.total - wanted
        if options["dry_run"] and comparison.total:
            raise CommandError(
                f"Users differ: {comparison.total}. Without --dry-run are repaired: {wanted}."
                f"{f' --delete is for the others: {left}.' if left else ''}"
            )
        if not options["dry_run"]:
            self._repair(delete, wanted)
            if left:
                raise CommandError(f"Users left: {left}. --delete deletes them.")

    def _repair(self, delete: bool, wanted: int) -> None:
        with Progress("users") as progress:
            repaired = reconcile.repair(
                delete=delete, progress=lambda done: progress.show(done, max(wanted - done, 0))
            )
        self.stdout.write(f"repaired   {repaired}")

    def _load(self) -> int:
        servers, topic = settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC
        try:
            with Progress("messages") as progress:
                return reconcile.load(read_topic(servers, topic, BATCH), progress.show)
        except BrokerUnavailable as error:
            raise CommandError(f"The topic {topic} could not be read: {error}.") from error
