"""One note: written, read and changed. What somebody typed is not lost, nor written over unseen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from rest_framework import exceptions
from rest_framework.request import Request

from config.exceptions import problem_of
from notes.etags import ANY, Conditions, PreconditionFailed, entity_tag
from notes.models import TEXT, Note
from notes.serializers import NoteSerializer
from notes.shape import read_note
from notes.write import COLUMNS, archive_note, change_note, create_note, trash_note
from pages.base import Page
from users.authentication import TokenAuthentication, signed_in

_FIELDS = ("title", "content", "content_format", "tags")


class Editor(Page):
    def edit(self, fields: Mapping[str, Any], status: int = 200, **context: Any) -> HttpResponse:
        """Args: fields: what the form shows; context: see the template."""
        pk = self.kwargs.get("pk")
        return self.show("editor", status, fields=fields, pk=pk, **context)

    def edit_typed(self, status: int, problem: str, **context: Any) -> HttpResponse:
        """The form again, with what was typed, and why it is not saved."""
        context = {"etag": self.request.POST.get("etag", ""), **context}
        return self.edit(self.typed().dict(), status, problem=problem, **context)

    def typed(self) -> QueryDict:
        fields = QueryDict(mutable=True)
        for name in _FIELDS:
            if name in self.request.POST:
                fields.setlist(name, self.request.POST.getlist(name))
        return fields

    def read(self, note: Note | None = None) -> tuple[dict[str, Any], HttpResponse | None]:
        """What was typed, valid, as columns; or the form with what is wrong with it."""
        context = {"request": self.request}
        serializer = NoteSerializer(note, data=self.typed(), context=context)
        if serializer.is_valid():
            return serializer.validated_data, None
        errors = _by_field(exceptions.ValidationError(serializer.errors))
        return {}, self.edit_typed(400, "errors", errors=errors)

    def refuse(self, status: int, detail: str) -> HttpResponse:
        if self.request.method == "POST" and self._is_own_form():
            problem = "signed_out" if status == 401 else "refused"
            return self.edit_typed(status, problem, detail=detail)
        return super().refuse(status, detail)

    def _is_own_form(self) -> bool:
        """The form of another site is not shown as if it had been typed here."""
        try:
            TokenAuthentication().enforce_csrf(self.request)
        except exceptions.PermissionDenied:
            return False
        return True


class NewNote(Editor):
    def get(self, request: Request) -> HttpResponse:
        return self.edit({"title": "", "content": "", "content_format": TEXT, "tags": ""})

    def post(self, request: Request) -> HttpResponse:
        fields, refused = self.read()
        if refused:
            return refused
        note_id, _ = create_note(signed_in(request), **fields)
        return redirect("page-note", note_id)


class NotePage(Editor):
    def get(self, request: Request, pk: str) -> HttpResponse:
        note, fields = _current(signed_in(request).id, pk)
        return self.edit(fields, etag=entity_tag(note), note=fields)

    def post(self, request: Request, pk: str) -> HttpResponse:
        user = signed_in(request)
        own = Note.objects.owned_by(user).filter(pk=pk)
        fields, refused = self.read(own.first())
        if refused:
            return refused
        # Without a tag, or with one for any, no state is meant that somebody saw.
        meant = Conditions(if_match=frozenset((request.POST.get("etag", ""),)) - {ANY})
        try:
            if change_note(user, pk, fields, meant) is None:
                return self.edit_typed(404, "gone")
        except PreconditionFailed:
            # What is there already was sent before, and its answer got lost.
            there = own.with_tag_names().values_list(*COLUMNS, "tag_names").first()
            if there != tuple(fields[name] for name in (*COLUMNS, "tags")):
                return self._conflict(user.id, pk)
        return redirect("page-note", pk)

    def _conflict(self, user_id: UUID, pk: str) -> HttpResponse:
        try:
            note, theirs = _current(user_id, pk)
        except exceptions.NotFound:
            return self.edit_typed(404, "gone")
        # Who sees both texts and saves again means to write over this one.
        return self.edit_typed(412, "conflict", etag=entity_tag(note), note=theirs)


class Archive(Page):
    archived = True

    def post(self, request: Request, pk: str) -> HttpResponse:
        if archive_note(signed_in(request), pk, self.archived) is None:
            raise exceptions.NotFound
        return redirect("page-note", pk)


class MoveToTrash(Page):
    def post(self, request: Request, pk: str) -> HttpResponse:
        if not trash_note(signed_in(request), pk):
            raise exceptions.NotFound
        return redirect("page-trashed", pk)


def _current(user_id: UUID, pk: str) -> tuple[bytes, dict[str, Any]]:
    """The note as JSON, and as a form shows it. Raises NotFound."""
    note = read_note(user_id, pk)
    if note is None:
        raise exceptions.NotFound
    return note, NoteSerializer(orjson.loads(note)).data


def _by_field(error: exceptions.ValidationError) -> dict[str, list[str]]:
    found = defaultdict(list)
    for each in problem_of(error, "")["errors"]:
        name, _, place = each["pointer"].removeprefix("/").partition("/")
        # The places in a list of tags tell nobody anything; those in a document do.
        text = f"{place}: {each['detail']}" if place and name == "content" else each["detail"]
        found[name if name in ("title", "tags") else "content"].append(text)
    return dict(found)
