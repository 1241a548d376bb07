"""``manage.py prune_outbox``: deletes what Debezium has sent."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.arguments import SECONDS
from config.words import counted
from outbox import prune

# So many rows in one run, of a few bytes each here.
LIMIT = 100_000


class Command(BaseCommand):
    help = (
        "Where Debezium takes the relay's place (docs/debezium): deletes the rows of the outbox"
        " that Kafka has, as the replication slot tells. Rows that it has not are never deleted."
        " Waits for the slot to pass the rows that are there at the start; exits with 1 where it"
        " does not.\n"
        "Examples: prune_outbox outbox; prune_outbox outbox --timeout 300"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slot", help="the connector's slot.name")
        parser.add_argument("--timeout", type=SECONDS, default=60, metavar="SECONDS")
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        slot, timeout = options["slot"], options["timeout"]
        mark = prune.mark(LIMIT)
        deadline = time.monotonic() + timeout
        try:
            while not prune.has_passed(slot, mark.lsn):
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"Nothing is deleted: the slot {slot} has not passed {mark.lsn} within"
                        f" {timeout:g} s. Is the connector running, and Kafka?"
                    )
                time.sleep(0.5)
        except prune.NoSuchSlot as error:
            raise CommandError(
                f"Nothing is deleted: users_db has no replication slot {slot}."
            ) from error
        if options["dry_run"]:
            self.stdout.write(f"{counted(len(mark.positions), 'row')} would be deleted")
        else:
            self.stdout.write(f"{counted(prune.delete(mark.positions), 'row')} deleted")
