"""In the admin's list of notes, an action that exports those that are selected."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from notes.admin import NoteAdmin
from notes.models import Note
from transfer.jsonl import write_pages
from transfer.negotiation import JSONLinesRenderer
from transfer.pace import at_pace

# Of notes that may have a megabyte each.
PAGE = 20


@admin.action(description="Export the selected notes", permissions=["view"])
def export_selected(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> StreamingHttpResponse:
    """As JSON lines that the import takes."""
    ids = list(queryset.values_list("pk", flat=True))
    batches = (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
    pages = (_page(batch) for batch in batches)
    response = StreamingHttpResponse(
        at_pace(write_pages(pages), request.META.get("gunicorn.socket")),
        content_type=JSONLinesRenderer.media_type,
    )
    response["Content-Disposition"] = 'attachment; filename="notes.jsonl"'
    return response


def _page(ids: list[Any]) -> list[str]:
    notes = Note.objects.filter(pk__in=ids).order_by("pk")
    return [note.decode() for note in notes.representations()]


NoteAdmin.actions = (*NoteAdmin.actions, export_selected)
