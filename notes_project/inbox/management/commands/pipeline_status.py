"""``manage.py pipeline_status``: how far the consumer is, and what it could not apply."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.arguments import between
from config.words import counted
from inbox.positions import CannotRead
from inbox.status import MINUTES, Status, read_status
from inbox.topic import BrokerUnavailable

COUNT = between(0, 2**63 - 1)


class Command(BaseCommand):
    help = (
        "Shows the lag of each partition, the outcomes of the last minutes and the open dead"
        " letters. Exits with 1 where the lag or the dead letters are more than allowed.\n"
        "Examples: pipeline_status; pipeline_status --json --max-lag 1000 --max-dead-letters 0"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument("--max-lag", type=COUNT, metavar="MESSAGES")
        parser.add_argument("--max-dead-letters", type=COUNT, metavar="COUNT")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status = read_status()
        except (BrokerUnavailable, CannotRead) as error:
            raise CommandError(f"The lag is not known: {error}") from error
        self.stdout.write(json.dumps(status.as_json()) if options["json"] else _text(status))
        limits = (
            ("lag", status.total_lag, options["max_lag"]),
            ("dead letters", status.dead_letters, options["max_dead_letters"]),
        )
        exceeded = [
            f"{name}: {found} are more than {allowed}."
            for name, found, allowed in limits
            if allowed is not None and found > allowed
        ]
        if exceeded:
            raise CommandError(" ".join(exceeded))


def _text(status: Status) -> str:
    behind = ", ".join(f"[{number}] {lag}" for number, lag in status.lag.items() if lag)
    lag = counted(status.total_lag, "message")
    rates = ", ".join(f"{outcome} {rate:g}" for outcome, rate in status.per_minute.items())
    return "\n".join(
        (
            f"lag           {lag}{f': {behind}' if behind else ''}",
            f"per minute    {rates or 'nothing'} (mean of {MINUTES} minutes)",
            f"dead letters  {status.dead_letters} open",
            f"last message  {status.last_recorded or 'none yet'}",
        )
    )
