"""``manage.py trace_user``: what came here about one user, and what became of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.forms.models import model_to_dict

from inbox.models import EventLog
from users.models import DeletedUser, User


class Command(BaseCommand):
    help = (
        "Shows the events of one user with their place in the topic and their outcome, and the"
        " shadow user or the tombstone. users_project has a trace_user for its side.\n"
        "Example: trace_user 7f3c2e90-1c1d-4f0a-9f5e-3a2b1c0d4e5f"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=UUID, help="of the user")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = orjson.dumps(_trace(options["id"]), option=orjson.OPT_UTC_Z).decode()
        # As JSON has them: ids and times are text there.
        trace = json.loads(as_json)
        if options["json"]:
            self.stdout.write(as_json)
        if not any(trace.values()):
            raise CommandError("Nothing has come here about this user.")
        if not options["json"]:
            self._write(trace)

    def _write(self, trace: dict[str, Any]) -> None:
        for event in trace["events"]:
            self.stdout.write("  ".join(map(_text, event.values())))
        for title, values in (
            ("shadow user", trace["shadow_user"]),
            ("tombstone", trace["tombstone"]),
        ):
            self.stdout.write(f"{title}:" if values else f"{title}: none")
            for name, value in (values or {}).items():
                self.stdout.write(f"  {name}: {_text(value)}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _trace(user_id: UUID) -> dict[str, Any]:
    events = EventLog.objects.filter(user_id=user_id).order_by("id")
    columns = ("recorded_at", "topic", "partition", "offset", "type", "version", "outcome")
    user = User.objects.filter(id=user_id).first()
    tombstone = DeletedUser.objects.filter(id=user_id).first()
    return {
        "events": list(events.values(*columns)),
        "shadow_user": user and {"id": user.id, **model_to_dict(user)},
        "tombstone": tombstone and {"version": tombstone.version, "at": tombstone.deleted_at},
    }
