"""``manage.py replay_dead_letters``: applies dead letters again, once their cause is mended."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inbox.management.dead_letters import add_choice, chosen
from inbox.messages import InvalidMessage, parse
from inbox.models import DeadLetter, Outcome
from inbox.replay import replay


class Command(BaseCommand):
    help = (
        "Applies open dead letters again, in the order they came. The version gate holds: an old"
        " letter changes nothing that is newer. Exits with 1 where a letter still fails.\n"
        "Examples: replay_dead_letters --all --dry-run; replay_dead_letters 17 18;"
        " replay_dead_letters --all --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_choice(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="say what can be read now, and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object, at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        attempt = self._try_to_read if options["dry_run"] else self._replay
        letters = chosen(options)
        if not options["json"] and not letters.exists():
            self.stdout.write("No dead letter is open.")
        tried = []
        for letter in letters.order_by("id").iterator(chunk_size=100):
            problem, done = attempt(letter)
            tried.append({"id": letter.id, "problem": problem or None, "done": done or None})
            if not options["json"]:
                self.stdout.write(f"{letter.id}: {problem or done}")
        failed = sum(each["problem"] is not None for each in tried)
        if options["json"]:
            self.stdout.write(json.dumps({"failed": failed, "dead_letters": tried}))
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
