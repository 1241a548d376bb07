"""``manage.py discard_dead_letters``: closes dead letters that need not be applied."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.words import counted
from inbox.management.dead_letters import add_choice, chosen


class Command(BaseCommand):
    help = (
        "Closes open dead letters without applying them; they stay in the table with the reason.\n"
        "Examples: discard_dead_letters 17 18 --reason 'test messages';"
        " discard_dead_letters --all --reason 'test messages' --dry-run --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_choice(parser)
        parser.add_argument("--reason", required=True, help="why, for who reads it later")
        parser.add_argument("--dry-run", action="store_true", help="count them, and change nothing")
        parser.add_argument("--json", action="store_true", help="the count as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("--reason is empty: say why, for who reads it later.")
        letters, dry_run = chosen(options), options["dry_run"]
        count = letters.count() if dry_run else letters.discard(reason)
        if options["json"]:
            self.stdout.write(json.dumps({"dead_letters": count}))
            return
        would = "would be " if dry_run else ""
        self.stdout.write(f"{counted(count, 'dead letter')} {would}discarded")
