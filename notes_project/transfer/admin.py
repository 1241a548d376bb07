"""In the admin's list of notes, an action that exports those that are selected."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.exceptions import APIException

from notes.admin import NoteAdmin
from notes.models import Note
from transfer.jsonl import write_pages
from transfer.negotiation import JSONLinesRenderer
from transfer.places import begun

# Of notes that may have a megabyte each.
PAGE = 20


@admin.action(description="Export the selected notes", permissions=["view"])
def export_selected(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> StreamingHttpResponse | None:
    """As JSON lines that the import takes, without the trash, as any export."""
    ids = list(queryset.filter(deleted_at=None).values_list("pk", flat=True))
    batches = (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
    lines = write_pages(_page(batch) for batch in batches)
    staff: Any = request.user
    try:
        export = begun(staff, lines, request.META.get("gunicorn.socket"))
    except APIException as error:
        model_admin.message_user(request, str(error.detail), messages.ERROR)
        return None
    response = StreamingHttpResponse(export, content_type=JSONLinesRenderer.media_type)
    response["Content-Disposition"] = 'attachment; filename="notes.jsonl"'
    return response


def _page(ids: list[Any]) -> list[str]:
    notes = Note.objects.filter(pk__in=ids).order_by("pk")
    return [note.decode() for note in notes.representations()]


NoteAdmin.actions = (*NoteAdmin.actions, export_selected)
