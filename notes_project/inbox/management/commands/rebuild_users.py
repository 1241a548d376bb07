"""``manage.py rebuild_users``: compares the shadow users with the whole topic, and repairs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
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
        "Examples: rebuild_users --dry-run; rebuild_users; rebuild_users --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="compare, and change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json, dry_run = options["json"], options["dry_run"]
        unreadable = _load()
        comparison = rebuild.compare()
        wanted = comparison.repairable
        if not as_json:
            self._write(comparison, unreadable)
        repaired = 0 if dry_run else _repair(wanted)
        if as_json:
            found = {**asdict(comparison), "unreadable": unreadable, "repaired": repaired}
            self.stdout.write(orjson.dumps(found).decode())
        elif not dry_run:
            self.stdout.write(f"repaired   {repaired}")
        if dry_run and wanted:
            raise CommandError(f"Users differ: {wanted}. Run without --dry-run.")

    def _write(self, comparison: rebuild.Comparison, unreadable: int) -> None:
        for name, count in comparison.counts.items():
            samples = comparison.samples[name]
            named = ", ".join([*map(str, samples), *(["…"] if len(samples) < count else [])])
            self.stdout.write(f"{name:<10} {count}{f' ({named})' if count else ''}")
        self.stdout.write(f"unreadable {counted(unreadable, 'message')}")


def _load() -> int:
    batches = read_topic(settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC, rebuild.BATCH)
    try:
        with Progress("messages") as progress:
            return rebuild.load(batches, progress.show)
    except (BrokerUnavailable, CannotRead) as error:
        raise CommandError(f"The topic could not be read: {error}") from error


def _repair(wanted: int) -> int:
    with Progress("users") as progress:
        return rebuild.repair(lambda done: progress.show(done, max(wanted - done, 0)))
