"""``manage.py discard_dead_letters``: closes dead letters that need not be applied."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.words import counted
from inbox.models import CannotChoose, DeadLetter


class Command(BaseCommand):
    help = (
        "Closes open dead letters without applying them; they stay in the table with the reason.\n"
        "Example: discard_dead_letters 17 18 --reason 'test messages'"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, help="ids of dead letters")
        parser.add_argument("--all", action="store_true", help="every open dead letter")
        parser.add_argument("--reason", required=True, help="why, for who reads it later")
        parser.add_argument("--dry-run", action="store_true", help="count them, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("--reason is empty: say why, for who reads it later.")
        try:
            letters = DeadLetter.objects.chosen(options["ids"], every=options["all"])
        except CannotChoose as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            self.stdout.write(f"{counted(letters.count(), 'dead letter')} would be discarded")
            return
        self.stdout.write(f"{counted(letters.discard(reason), 'dead letter')} discarded")
