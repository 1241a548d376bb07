"""``manage.py prune_event_log``: deletes old rows of the event log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils import timezone

from config.arguments import between
from config.progress import Progress
from config.words import counted
from inbox.models import EventLog

BATCH = 10_000


class Command(BaseCommand):
    help = (
        "Deletes rows of the event log that are older than so many days, in small batches. The"
        " version gate does not need them: repeated events stay harmless.\n"
        "Example: prune_event_log --older-than 90 --dry-run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=between(0, 36_500), required=True, metavar="DAYS")
        parser.add_argument("--dry-run", action="store_true", help="count them only")

    def handle(self, *args: Any, **options: Any) -> None:
        before = timezone.now() - timedelta(days=options["older_than"])
        old = EventLog.objects.filter(recorded_at__lt=before)
        if options["dry_run"]:
            self.stdout.write(f"{counted(old.count(), 'row')} would be deleted")
            return
        total = 0
        with Progress("rows") as progress:
            while deleted := self._delete_batch(before):
                total += deleted
                progress.show(total)
        self.stdout.write(f"{counted(total, 'row')} deleted")

    def _delete_batch(self, before: datetime) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM event_log WHERE id IN"
                " (SELECT id FROM event_log WHERE recorded_at < %s ORDER BY recorded_at LIMIT %s)",
                [before, BATCH],
            )
            return int(cursor.rowcount)
