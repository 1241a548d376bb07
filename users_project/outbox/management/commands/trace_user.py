"""``manage.py trace_user``: one user as it is here, and what of it has not left yet."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import orjson
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox.models import OutboxEvent


class Command(BaseCommand):
    help = (
        "Shows a user's version and the events of it that wait in the outbox. notes_project has a"
        " trace_user for its side.\n"
        "Example: trace_user 7f3c2e90-1c1d-4f0a-9f5e-3a2b1c0d4e5f"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=UUID, help="of the user")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        columns = ("id", "version", "is_active", "created_at", "updated_at", "tokens_valid_after")
        user = get_user_model().objects.filter(pk=options["id"]).values(*columns).first()
        waiting = OutboxEvent.objects.pending().filter(aggregateid=str(options["id"]))
        found = {"user": user, "outbox": list(waiting.values("position", "type", "created_at"))}
        as_json = orjson.dumps(found, option=orjson.OPT_UTC_Z).decode()
        # As JSON has them: ids and times are text there.
        trace = json.loads(as_json)
        if options["json"]:
            self.stdout.write(as_json)
        if not any(trace.values()):
            raise CommandError("There is no such user, and no event of one waits in the outbox.")
        if not options["json"]:
            self._write(trace)

    def _write(self, trace: dict[str, Any]) -> None:
        self.stdout.write("user:" if trace["user"] else "user: none")
        for name, value in (trace["user"] or {}).items():
            self.stdout.write(f"  {name}: {value if isinstance(value, str) else json.dumps(value)}")
        for row in trace["outbox"]:
            self.stdout.write(f"waiting: {row['position']}  {row['type']}  {row['created_at']}")
