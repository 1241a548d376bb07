"""``manage.py prune_notes``: deletes what has been kept for as long as the settings say, and the
tags that no note has."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
)
from django.utils import timezone

from config.arguments import PAUSE
from config.postgresql.base import limit_answers
from config.progress import Progress
from notes.tag_changes import ORPHAN, delete_orphans

logger = structlog.get_logger(__name__)

BATCH = 1000
# The lower bound has the index of overdue notes used (migration 0008).
_OVERDUE = "{table} WHERE {column} > '-infinity' AND {column} < %s"
_COUNT = f"SELECT count(*) FROM {_OVERDUE}"  # noqa: S608 - constants
# Rows that somebody has locked, such as a note that is being restored, are left alone.
_DELETE = f"""
DELETE FROM {{table}} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {_OVERDUE} ORDER BY {{column}} LIMIT %s FOR UPDATE SKIP LOCKED
))
"""  # noqa: S608
# The next ones by name: those of them that no note has, and the last name.
_NEXT_TAGS = f"""
SELECT array_agg(id) FILTER (WHERE {ORPHAN}), max(name)
FROM (SELECT id, name FROM tags WHERE name > %s ORDER BY name LIMIT %s) AS tags
"""  # noqa: S608


@dataclass
class Overdue:
    """Rows of a table, so long after the time in a column."""

    table: str
    column: str
    after: timedelta

    def count(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(self._fill(_COUNT), [self._before()])
            return int(cursor.fetchone()[0])

    def delete(self) -> Iterator[int]:
        """Deletes them in transactions that are short; gives how many went with each."""
        statement = self._fill(_DELETE)
        before = self._before()
        with connection.cursor() as cursor:
            while True:
                cursor.execute(statement, [before, BATCH])
                if not cursor.rowcount:
                    return
                yield cursor.rowcount

    def _fill(self, statement: str) -> str:
        return statement.format(table=self.table, column=self.column)

    def _before(self) -> datetime:
        return timezone.now() - self.after


class Orphans:
    """Tags that are on no note of anybody's."""

    def count(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM tags WHERE {ORPHAN}")  # noqa: S608
            return int(cursor.fetchone()[0])

    def delete(self) -> Iterator[int]:
        """As for what is overdue. A tag that is being put on a note stays."""
        name = ""
        while True:
            with connection.cursor() as cursor:
                cursor.execute(_NEXT_TAGS, [name, BATCH])
                orphans, name = cursor.fetchone()
            if name is None:
                return
            yield len(delete_orphans(orphans or []))


class Command(BaseCommand):
    help = (
        "Deletes the notes that have been in the trash for NOTES_TRASH_DAYS, the former states of"
        " notes that were replaced NOTES_HISTORY_DAYS ago, the idempotency keys that are"
        " NOTES_IDEMPOTENCY_HOURS old and the tags that no note has, in small batches.\n"
        "Examples: prune_notes --dry-run; prune_notes --json; prune_notes --every 3600"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count them only")
        parser.add_argument("--json", action="store_true", help="one JSON object")
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
        counts = _count() if options["dry_run"] else _delete()
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        what = ", ".join(f"{count} {name}" for name, count in counts.items())
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
                    logger.info("notes_pruned", **counts)
            time.sleep(every)


def _kinds() -> dict[str, Overdue | Orphans]:
    return {
        "notes": Overdue("notes", "deleted_at", timedelta(days=settings.NOTES_TRASH_DAYS)),
        "versions": Overdue(
            "note_versions", "replaced_at", timedelta(days=settings.NOTES_HISTORY_DAYS)
        ),
        "keys": Overdue(
            "idempotency_keys", "created_at", timedelta(hours=settings.NOTES_IDEMPOTENCY_HOURS)
        ),
        # Last: a note that goes leaves some.
        "tags": Orphans(),
    }


def _count() -> dict[str, int]:
    return {name: rows.count() for name, rows in _kinds().items()}


def _delete() -> dict[str, int]:
    counts = {}
    with Progress("rows") as progress:
        for name, rows in _kinds().items():
            counts[name] = 0
            for deleted in rows.delete():
                counts[name] += deleted
                progress.show(sum(counts.values()))
    return counts
