"""The list of notes with search and tags, the trash, and the former states of a note."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from rest_framework import exceptions
from rest_framework.request import Request

from config.errors import InvalidParameters
from notes.etags import answer_data
from notes.filters import OF_NOTES, OF_PAGES, NoteFilter, refuse_unknown
from notes.lists import NoteList
from notes.own_tags import OwnTags
from notes.serializers import NoteSerializer
from notes.shape import read_note
from notes.trash import TrashView
from notes.versions import VersionView, restore_version
from notes.write import delete_note, empty_trash, restore_note
from pages.base import Page
from users.authentication import signed_in

_TAGS = 100


class NotesPage(Page):
    filter_backends = [NoteFilter]

    def get(self, request: Request) -> HttpResponse:
        user = signed_in(request)
        every: Any = NoteList(user.id)
        rows: Any = b"[]"
        errors: Any = {}
        try:
            refuse_unknown(request, OF_NOTES)
            rows = self.paginate_queryset(self.filter_queryset(every))
        except InvalidParameters as error:
            errors = error.detail
        tags = OwnTags(user.id).page(None, _TAGS)
        return self.show(
            "list",
            400 if errors else 200,
            notes=answer_data(request, rows),
            errors=errors,
            paginator=self.paginator,
            asked=request.query_params,
            chosen=request.query_params.getlist("tag"),
            tags=_links(request.query_params, tags.rows),
            more_tags=tags.more,
        )


def _links(parameters: QueryDict, tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tags with the address of the list that has them besides, or without them.

    First those that are chosen already.
    """
    chosen = [name for name in dict.fromkeys(parameters.getlist("tag")) if name]
    counts = {tag["name"]: tag["count"] for tag in tags}
    links = []
    for name in (*chosen, *(name for name in counts if name not in chosen)):
        query = parameters.copy()
        query.pop("cursor", None)
        others = [each for each in chosen if each != name]
        query.setlist("tag", others if name in chosen else [*others, name])
        links.append(
            {
                "name": name,
                "count": counts.get(name),
                "is_chosen": name in chosen,
                "query": query.urlencode(),
            }
        )
    return links


class History(Page, VersionView):
    parameters = OF_PAGES

    def get(self, request: Request, pk: str) -> HttpResponse:
        if read_note(signed_in(request).id, pk) is None:
            raise exceptions.NotFound
        rows = self.paginate_queryset(self.get_queryset())
        return self.show("history", versions=rows, pk=pk, paginator=self.paginator)


class Version(Page, VersionView):
    def get(self, request: Request, pk: str, number: str) -> HttpResponse:
        version = self.get_version()
        fields = NoteSerializer(version).data
        return self.show("version", version=version, fields=fields, pk=pk)

    def post(self, request: Request, pk: str, number: str) -> HttpResponse:
        if restore_version(signed_in(request), pk, number) is None:
            raise exceptions.NotFound
        return redirect("page-note", pk)


class Trash(Page, TrashView):
    parameters = OF_PAGES

    def get(self, request: Request) -> HttpResponse:
        trashed = self.get_queryset().in_order_of(signed_in(request))
        rows = self.paginate_queryset(trashed)
        return self.show("trash", notes=rows, paginator=self.paginator)

    def post(self, request: Request) -> HttpResponse:
        empty_trash(signed_in(request))
        return redirect("page-trash")


class TrashedNote(Page, TrashView):
    def get(self, request: Request, pk: str) -> HttpResponse:
        rows = self.get_queryset().filter(pk=pk).representations()
        if not rows:
            raise exceptions.NotFound
        note = answer_data(request, rows[0])
        return self.show("trashed", note=note, fields=NoteSerializer(note).data)


class RestoreNote(Page):
    def post(self, request: Request, pk: str) -> HttpResponse:
        user = signed_in(request)
        # A button that was pressed twice has done it already.
        if restore_note(user, pk) is None and read_note(user.id, pk) is None:
            raise exceptions.NotFound
        return redirect("page-note", pk)


class DeleteNote(Page):
    def post(self, request: Request, pk: str) -> HttpResponse:
        # Whether it was there or not, it is not there now.
        delete_note(signed_in(request), pk)
        return redirect("page-trash")
