"""``manage.py prune_sessions``: deletes what was kept long enough."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any, NoReturn

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from accounts import prune
from config.arguments import PAUSE
from config.postgresql.base import limit_answers
from config.progress import Progress

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Deletes sessions that have expired, refresh tokens that are older than one can be used,"
        " browsers' sessions, addresses that nobody confirmed in time, and entries of the audit log"
        " that are older than USERS_AUDIT_DAYS, in small batches.\n"
        "Examples: prune_sessions --dry-run; prune_sessions --json; prune_sessions --every 3600"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")
        parser.add_argument("--json", action="store_true", help="the counts as one JSON object")
        parser.add_argument(
            "--every",
            type=PAUSE,
            metavar="SECONDS",
            help="again and again until SIGTERM; what was deleted is logged",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["every"] is not None:
            limit_answers()
            # Its transactions are short, so it may end anywhere.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: sys.exit(0))
            self._repeat(options["every"])
        counts = prune.count() if options["dry_run"] else _delete()
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        what = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        self.stdout.write(f"{what} {'would be ' if options['dry_run'] else ''}deleted")

    def _repeat(self, every: float) -> NoReturn:
        while True:
            close_old_connections()
            try:
                counts = _delete()
            except (OperationalError, InterfaceError) as error:
                logger.error("database_unavailable", exc_info=error)
            else:
                if any(counts.values()):
                    logger.info("sessions_pruned", **counts)
            time.sleep(every)


def _delete() -> dict[str, int]:
    with Progress("rows") as progress:
        return prune.delete(progress.show)
