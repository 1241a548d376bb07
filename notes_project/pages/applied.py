"""How far the last change of one's account has come here, as a piece of the front page."""

from __future__ import annotations

import re

from django.http import HttpResponse
from rest_framework.request import Request

from config.errors import InvalidParameters
from inbox.models import EventLog
from pages.base import Page
from users.authentication import signed_in


class Applied(Page):
    def get(self, request: Request) -> HttpResponse:
        """``?version=`` is that of the user, as users_project gave it."""
        asked = request.query_params.get("version", "")
        if not re.fullmatch("[0-9]{1,18}", asked):
            raise InvalidParameters({"version": "A whole number."})
        user, version = signed_in(request), int(asked)
        event = EventLog.objects.that_brought(user.id, version)
        return self.show("applied", event=event, is_known=user.version >= version)
