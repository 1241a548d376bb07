"""One note: written, read and changed. What somebody typed is not lost, nor written over unseen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

import orjson
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from config.exceptions import problem_of
from notes.etags import ANY, Conditions, PreconditionFailed, entity_tag
from notes.idempotency import OtherRequest, answer_once
from notes.models import TEXT, Note
from notes.serializers import NoteSerializer
from notes.shape import read_note
from notes.write import COLUMNS, archive_note, change_note, create_note, trash_note
from pages.base import SHOWN_TO, Page
from users.authentication import TokenAuthentication, signed_in
from users.models import User

_FIELDS = ("title", "content", "content_format", "tags")


class Editor(Page):
    def edit(self, fields: Mapping[str, Any], status: int = 200, **context: Any) -> HttpResponse:
        """Args: fields: what the form shows; context: see the template."""
        context = {"pk": self.kwargs.get("pk"), **context}
        # So that what comes of this form twice makes one note.
        context["key"] = context.get("key") or token_urlsafe()
        return self.show("editor", status, fields=fields, **context)

    def edit_typed(self, status: int, problem: str, **context: Any) -> HttpResponse:
        """The form again, with what was typed, and why it is not saved."""
        form = self.request.POST
        typed = {name: form.get(name, "") for name in ("etag", "key", SHOWN_TO)}
        context = {**typed, **context}
        return self.edit(self.typed().dict(), status, problem=problem, **context)

    def conflict(self, user: User, pk: Any, detail: str) -> HttpResponse:
        """Both texts. Who sees them and saves again means to write over the one that is there."""
        try:
            note, theirs = _current(user, pk)
        except exceptions.NotFound:
            return self.gone()
        return self.edit_typed(
            412, "conflict", pk=pk, etag=entity_tag(note), note=theirs, detail=detail, key=None
        )

    def gone(self) -> HttpResponse:
        return self.edit_typed(404, "gone", pk=None, key=None)

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
        """A form makes one note, however often it is sent."""
        user = signed_in(request)
        fields, refused = self.read()
        if refused:
            return refused

        def create() -> Response:
            note_id, _ = create_note(user, **fields)
            return Response({"id": note_id}, 201)

        try:
            made = answer_once(request, request.POST.get("key") or None, create).data
        except OtherRequest as error:
            made = orjson.loads(error.first_answer)
            return self.conflict(user, made.get("id"), "This form has made a note already.")
        return redirect("page-note", made["id"])


class NotePage(Editor):
    def get(self, request: Request, pk: str) -> HttpResponse:
        note, fields = _current(signed_in(request), pk)
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
                return self.gone()
        except PreconditionFailed:
            # What is there already was sent before, and its answer got lost.
            there = own.with_tag_names().values_list(*COLUMNS, "tag_names").first()
            if there != tuple(fields[name] for name in (*COLUMNS, "tags")):
                return self.conflict(user, pk, "This note was changed elsewhere.")
        return redirect("page-note", pk)


class Archive(Page):
    archived = True

    def post(self, request: Request, pk: str) -> HttpResponse:
        if archive_note(signed_in(request), pk, self.archived) is None:
            raise exceptions.NotFound
        return redirect("page-note", pk)


class MoveToTrash(Page):
    def post(self, request: Request, pk: str) -> HttpResponse:
        user = signed_in(request)
        # A button that was pressed twice has done it already.
        if not trash_note(user, pk) and not Note.trash.trashed_by(user).filter(pk=pk).exists():
            raise exceptions.NotFound
        return redirect("page-trashed", pk)


def _current(user: User, pk: str) -> tuple[bytes, dict[str, Any]]:
    """The note as JSON, and as a form shows it. Raises NotFound."""
    note = read_note(user.id, pk)
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
