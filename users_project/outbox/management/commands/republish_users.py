"""``manage.py republish_users``: sends users again, all or some."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.progress import Progress
from config.words import counted
from outbox import republish
from outbox.messages import LAST_VERSION


class Command(BaseCommand):
    help = (
        "Puts a snapshot of users into the outbox, of all or of those named. Where a reader has a"
        " newer version of users, name it and them: --above 7 ID ID; with --delete a deletion is"
        " sent of those ids that are no user's. Safe to repeat. After a restore of users_db use"
        " reconcile_topic.\n"
        "Examples: republish_users; republish_users --after ID; republish_users ID ID;"
        " republish_users --above 7 ID"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=UUID, help="ids of users; all by default")
        parser.add_argument(
            "--after", type=UUID, metavar="ID", help="of all users: go on behind it"
        )
        parser.add_argument(
            "--above", type=int, metavar="VERSION", help="with ids: give them a higher version"
        )
        parser.add_argument(
            "--delete", action="store_true", help="with --above: send deletions of no users"
        )
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        ids = list(dict.fromkeys(options["ids"]))
        after, above, delete = options["after"], options["above"], options["delete"]
        if ids and after:
            raise CommandError("--after goes without ids.")
        if delete and above is None:
            raise CommandError("--delete needs --above.")
        if above is not None and not ids:
            raise CommandError("--above needs ids.")
        if above is not None and not 0 <= above <= LAST_VERSION:
            raise CommandError(
                f"--above is a version, from 0 to {LAST_VERSION}: no event has a later one. A row"
                " of notes_db that has one was written there by hand: set its version to 0 there,"
                " and send the user again without --above."
            )
        self._send(after or republish.FIRST_ID, ids, above, delete, options["dry_run"])

    def _send(
        self, after: UUID, ids: list[UUID], above: int | None, delete: bool, dry_run: bool
    ) -> None:
        would = "would be " if dry_run else ""
        if above is not None:
            raise_above = republish.count_not_above if dry_run else republish.raise_above
            raised = raise_above(above, ids)
            version = min(above + 1, LAST_VERSION)
            self.stdout.write(f"{counted(raised, 'user')} {would}given version {version}")
        publish = republish.count_snapshots if dry_run else self._publish_snapshots
        published = counted(publish(after, ids or None), "user")
        self.stdout.write(f"{published} {would}put into the outbox")
        nobody = republish.count_nobody(ids)
        if above is not None and delete:
            deletions = nobody if dry_run else republish.publish_deletions(above, ids)
            self.stdout.write(f"{counted(deletions, 'deletion')} {would}put into the outbox")
        elif nobody:
            raise CommandError(f"Ids that are no user's: {nobody}.")

    def _publish_snapshots(self, last: UUID, ids: list[UUID] | None) -> int:
        total = 0
        try:
            with Progress("users") as progress:
                while batch := republish.publish_snapshots(last, ids):
                    total, last = total + len(batch), batch[-1]
                    progress.show(total)
        except BaseException:
            go_on = "" if ids else f" Go on with --after {last}"
            self.stderr.write(f"{counted(total, 'user')} put into the outbox.{go_on}")
            raise
        return total
