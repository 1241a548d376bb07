"""``manage.py rebuild_users``: compares the shadow users with the whole topic, and repairs them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.progress import Progress
from config.words import counted
from inbox import rebuild
from inbox.positions import CannotRead
from inbox.topic import BrokerUnavailable, read_topic


class Command(BaseCommand):
    help = (
        "Reads the whole topic and compares: users that are missing here, stale, undeleted though"
        " the topic says so, and ghosts, of whom the topic says nothing. Repairs all but ghosts:"
        " they may be users whose event is still on its way. The consumer may run meanwhile."
        " Exits with 1 where a dry run finds something to repair.\n"
        "Examples: rebuild_users --dry-run; rebuild_users"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="compare, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        batches = read_topic(settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC, rebuild.BATCH)
        try:
            with Progress("messages") as progress:
                unreadable = rebuild.load(batches, progress.show)
        except (BrokerUnavailable, CannotRead) as error:
            raise CommandError(f"The topic could not be read: {error}") from error
        comparison = rebuild.compare()
        for name, count in comparison.counts.items():
            samples = comparison.samples[name]
            named = ", ".join([*map(str, samples), *(["…"] if len(samples) < count else [])])
            self.stdout.write(f"{name:<10} {count}{f' ({named})' if count else ''}")
        self.stdout.write(f"unreadable {counted(unreadable, 'message')}")
        if not options["dry_run"]:
            self._repair(comparison.repairable)
        elif comparison.repairable:
            raise CommandError(f"Users differ: {comparison.repairable}. Run without --dry-run.")

    def _repair(self, wanted: int) -> None:
        with Progress("users") as progress:
            repaired = rebuild.repair(lambda done: progress.show(done, max(wanted - done, 0)))
        self.stdout.write(f"repaired   {repaired}")
