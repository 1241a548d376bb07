"""Import and export, and the page that a browser comes back to when it has signed in again."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from notes.models import Note
from pages.base import Page
from transfer.views import ImportView
from users.authentication import signed_in


class ExportPage(Page):
    """The files come from the API, as a link leads there or a script takes them in pieces."""

    def get(self, request: Request) -> HttpResponse:
        # Of as many as are exported, so that the progress bar has an end.
        return self.show("export", count=Note.objects.owned_by(signed_in(request)).count())


class ImportPage(Page, ImportView):
    parser_classes = ImportView.parser_classes[:1]

    def get(self, request: Request) -> HttpResponse:
        return self.show("import")

    def post(self, request: Request) -> HttpResponse:
        report: Any = super().post(request)
        return self.show("import", report=report.data)

    def refuse(self, status: int, detail: str) -> HttpResponse:
        if status == 401:
            return super().refuse(status, detail)
        return self.show("import", status, error=detail)


class SignedIn(Page):
    def get(self, request: Request) -> HttpResponse:
        return self.show("signed_in")
