"""``manage.py replay_dead_letters``: applies dead letters again, once their cause is mended."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inbox.messages import InvalidMessage, parse
from inbox.models import CannotChoose, DeadLetter, Outcome
from inbox.replay import replay


class Command(BaseCommand):
    help = (
        "Applies open dead letters again, in the order they came. The version gate holds: an old"
        " letter changes nothing that is newer. Exits with 1 where a letter still fails.\n"
        "Examples: replay_dead_letters --all --dry-run; replay_dead_letters 17 18"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, help="ids of dead letters")
        parser.add_argument("--all", action="store_true", help="every open dead letter")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what can be read now, and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            letters = DeadLetter.objects.chosen(options["ids"], every=options["all"])
        except CannotChoose as error:
            raise CommandError(str(error)) from error
        attempt = self._try_to_read if options["dry_run"] else self._replay
        if not letters.exists():
            self.stdout.write("No dead letter is open.")
        failed = 0
        for letter in letters.order_by("id").iterator(chunk_size=100):
            problem, done = attempt(letter)
            failed += bool(problem)
            self.stdout.write(f"{letter.id}: {problem or done}")
        if failed:
            raise CommandError(f"Dead letters that still cannot be applied: {failed}.")

    def _replay(self, letter: DeadLetter) -> tuple[str, str]:
        """What is wrong with it still, else what became of it."""
        record = replay(letter)
        if record is None:
            return "", "closed by somebody else meanwhile"
        if record.outcome is Outcome.DEAD:
            return record.reason, ""
        return "", f"replayed, {record.outcome}"

    def _try_to_read(self, letter: DeadLetter) -> tuple[str, str]:
        try:
            parse(letter.message())
        except InvalidMessage as error:
            return str(error), ""
        return "", "can be read now"
