"""``manage.py pipeline_status``: what waits in the outbox, and whether a relay is at work."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.arguments import SECONDS
from config.words import counted
from outbox.status import Status, read_status


class Command(BaseCommand):
    help = (
        "Shows the depth of the outbox, its oldest row and whether a relay is active. Exits with 1"
        " where the oldest row has waited longer than allowed.\n"
        "Examples: pipeline_status; pipeline_status --json --max-age 60"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument("--max-age", type=SECONDS, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        status = read_status()
        self.stdout.write(json.dumps(status.as_json()) if options["json"] else _text(status))
        allowed = options["max_age"]
        if allowed is not None and status.oldest_age > allowed:
            raise CommandError(
                f"The oldest row has waited {status.oldest_age:.0f} s, more than {allowed:g} s."
            )


def _text(status: Status) -> str:
    lines = [f"outbox  {counted(status.depth, 'row')}"]
    if status.oldest:
        lines.append(
            f"oldest  position {status.oldest.position}, user {status.oldest.aggregateid},"
            f" waiting for {status.oldest_age:.1f} s"
        )
    lines.append(f"relay   {'active' if status.relay_active else 'none is active'}")
    return "\n".join(lines)
