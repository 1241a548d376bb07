"""``manage.py compare_users``: whether the shadow users are the users, and who is not."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any, NoReturn

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from config.arguments import PAUSE, SECONDS
from config.postgresql.base import limit_answers
from config.words import counted
from inbox.compare import Kind, Result, compare
from inbox.digest_client import CannotCompare, DigestClient

logger = structlog.get_logger(__name__)

DIFFERENT, NOT_COMPARED = 1, 2
# Of each kind, in a line of the log.
LOGGED = 20
_AGAIN = "`republish_users ID` of users_project"
REPAIRS = {
    Kind.CHANGED: _AGAIN,
    Kind.MISSING: _AGAIN,
    Kind.BEHIND: _AGAIN,
    Kind.AHEAD: "`republish_users --above VERSION ID` of users_project, with the version here",
    Kind.DELETED: "`reconcile_topic --dry-run` of users_project",
    Kind.GHOST: "`republish_users --delete --above VERSION ID` of users_project, as for ahead",
}


class Command(BaseCommand):
    help = (
        "Compares the shadow users with the users of users_project by digests, and names those who"
        " differ, with the versions of both sides: changed (of one version), missing here, behind,"
        " ahead, deleted here alone, and ghosts, who are here alone. Exits with 0 where all are"
        " equal, 1 where some differ, 2 where users_project or notes_db does not answer.\n"
        "Examples: compare_users; compare_users --json; compare_users --every 60"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument(
            "--settle",
            type=SECONDS,
            default=10,
            metavar="SECONDS",
            help="how long what is missing, behind or a ghost may take to arrive (10)",
        )
        parser.add_argument(
            "--every",
            type=PAUSE,
            metavar="SECONDS",
            help="compare again and again until SIGTERM, with one line of the log each time",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.COMPARISON_SECRET:
            raise CommandError("COMPARISON_SECRET is not set.", returncode=NOT_COMPARED)
        limit_answers()
        client = DigestClient(settings.NOTES_JWKS_URL, settings.COMPARISON_SECRET)
        if options["every"] is not None:
            # It only reads, so it may end anywhere.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: sys.exit(0))
            self._repeat(client, options["settle"], options["every"])
        try:
            result = compare(client, options["settle"], self._progress)
        except CannotCompare as error:
            raise CommandError(str(error), returncode=NOT_COMPARED) from error
        finally:
            self._progress("")
        self.stdout.write(json.dumps(result.as_json()) if options["json"] else _text(result))
        if result.differences:
            raise CommandError(_summary(result), returncode=DIFFERENT)

    def _repeat(self, client: DigestClient, settle: float, every: float) -> NoReturn:
        while True:
            started = time.monotonic()
            close_old_connections()
            try:
                result = compare(client, settle)
            except CannotCompare as error:
                logger.warning("users_not_compared", reason=str(error))
            else:
                _log(result, time.monotonic() - started)
            time.sleep(max(0.0, started + every - time.monotonic()))

    def _progress(self, line: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{line}", ending="")


def _log(result: Result, seconds: float) -> None:
    facts = {"users": result.users, "seconds": round(seconds, 3)}
    if not result.differences:
        logger.info("users_equal", **facts)
        return
    ids: dict[str, list[str]] = {}
    for difference in result.differences:
        ids.setdefault(difference.kind.value, []).append(str(difference.id))
    named = {kind: some[:LOGGED] for kind, some in ids.items()}
    left = result.buckets_left
    logger.error("users_differ", **facts, counts=result.counts, buckets_left=left, **named)


def _text(result: Result) -> str:
    lines = [f"{counted(result.users, 'user')} here"]
    for kind, user, here, there in result.differences:
        versions = f"version {_or_none(here)} here, {_or_none(there)} in users_db"
        lines.append(f"{kind:<8} {user}  {versions}")
    lines += [f"{kind}: {REPAIRS[Kind(kind)]}" for kind in result.counts]
    return "\n".join(lines)


def _or_none(version: int | None) -> str:
    return "none" if version is None else str(version)


def _summary(result: Result) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
    more = f"; buckets that differ too: {result.buckets_left}" if result.buckets_left else ""
    return f"Users differ: {counts}{more}."
