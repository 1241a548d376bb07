"""``manage.py republish_users``: sends users again, all, some, or those the topic has wrong."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.progress import Progress
from outbox import republish
from outbox.topic import BrokerUnavailable, read_topic


class Command(BaseCommand):
    help = (
        "Puts a snapshot of users into the outbox: of all, of those named, or, with"
        " --against-topic, of those of whom the topic has another state than users_db. The last is"
        " what a restore of users_db from a backup needs: users that the topic has newer get a"
        " version above it. Users that the topic has and users_db has not, or that the topic says"
        " are deleted, are only counted; with --delete they are deleted everywhere, their notes"
        " too. Where a reader has a newer version of users, name it and them: --above 7 ID ID;"
        " with --delete a deletion is sent of those ids that are no user's. Safe to repeat.\n"
        "Examples: republish_users; republish_users --after ID; republish_users ID ID;"
        " republish_users --against-topic --dry-run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=UUID, help="ids of users; all by default")
        parser.add_argument(
            "--after", type=UUID, default=republish.FIRST_ID, metavar="ID", help="go on behind it"
        )
        parser.add_argument(
            "--against-topic", action="store_true", help="read the topic, and send what differs"
        )
        parser.add_argument(
            "--delete",
            action="store_true",
            help="with --against-topic: also delete users; with ids: send deletions of no users",
        )
        parser.add_argument(
            "--above", type=int, metavar="VERSION", help="with ids: give them a higher version"
        )
        parser.add_argument("--dry-run", action="store_true", help="count, and send nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["against_topic"]:
            self._load()
            self._against_topic(options["dry_run"], options["delete"])
            return
        ids, last, total = options["ids"] or None, options["after"], 0
        above, delete = options["above"], options["delete"]
        if (above is not None and not ids) or (delete and above is None):
            raise CommandError("--above needs ids, and --delete of ids needs --above.")
        if options["dry_run"]:
            users = get_user_model().objects.filter(pk__gt=last)
            count = (users.filter(pk__in=ids) if ids else users).count()
            self.stdout.write(f"{count} users would be sent")
            return
        if ids and above is not None:
            republish.raise_above(above, ids)
        try:
            with Progress("users") as progress:
                while batch := republish.publish_snapshots(last, ids):
                    total, last = total + len(batch), batch[-1]
                    progress.show(total)
        except BaseException:
            self.stderr.write(f"{total} users put into the outbox. Go on with --after {last}")
            raise
        self.stdout.write(f"{total} users put into the outbox")
        if ids and above is not None and delete:
            total += (deletions := republish.publish_deletions(above, ids))
            self.stdout.write(f"{deletions} deletions put into the outbox")
        if ids and total < len(set(ids)):
            raise CommandError(f"{len(set(ids)) - total} of the ids are no user's.")

    def _load(self) -> None:
        servers, topic = settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC
        try:
            with Progress("messages") as progress:
                republish.load(read_topic(servers, topic, republish.BATCH), progress.show)
        except BrokerUnavailable as error:
            raise CommandError(f"The topic {topic} could not be read: {error}.") from error

    def _against_topic(self, dry_run: bool, delete: bool) -> None:
        comparison = republish.compare()
        for name, count in comparison.counts.items():
            named = ", ".join(str(user_id) for user_id in comparison.samples[name])
            self.stdout.write(f"{name:<8} {count}{f' ({named}, …)' if count else ''}")
        if not dry_run:
            self.stdout.write(f"repaired {republish.repair(delete=delete)}")
            left = sum(comparison.counts[name] for name in republish.DELETING if not delete)
            if left:
                raise CommandError(f"{left} users are left; --delete deletes them.")
        elif comparison.total:
            raise CommandError(f"{comparison.total} users differ; run without --dry-run.")
