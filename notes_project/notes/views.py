from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils import html
from rest_framework.utils.serializer_helpers import ReturnDict

from notes.etags import (
    CONDITIONS,
    ETAG,
    answer_data,
    answer_headers,
    answer_read,
    conditions_of,
    entity_tag,
)
from notes.filters import OF_NOTES, NoteFilter, StrictParameters
from notes.idempotency import PARAMETER, idempotent
from notes.lists import NoteList
from notes.merge_patch import MergePatched
from notes.models import Note, NoteQuerySet
from notes.pagination import KeysetPagination
from notes.serializers import (
    ID,
    NotePatchSerializer,
    NoteSerializer,
    NoteSummarySerializer,
)
from notes.shape import read_note
from notes.tags import links_of_tags
from notes.versions import links_of
from notes.write import archive_note, change_note, create_note, trash_note
from users.authentication import signed_in


@extend_schema_view(
    list=extend_schema(
        operation_id="list_notes",
        summary="One's own notes",
        description="A page may hold fewer notes than `limit`, or none, while `next` goes on: where"
        " few of very many notes are wanted, each page looks at a part of them.",
        responses=NoteSummarySerializer(many=True),
    ),
    create=extend_schema(
        operation_id="create_note", summary="Write a note", parameters=[PARAMETER, ETAG]
    ),
    retrieve=extend_schema(
        operation_id="get_note",
        summary="Read a note",
        parameters=[*CONDITIONS, ETAG],
    ),
    update=extend_schema(
        operation_id="replace_note",
        summary="Replace a note",
        parameters=[*CONDITIONS, ETAG],
        description="What is left out gets its default.",
    ),
    partial_update=extend_schema(
        operation_id="change_note",
        request=NotePatchSerializer,
        summary="Change a note",
        parameters=[*CONDITIONS, ETAG],
        responses={
            200: NoteSerializer,
            422: OpenApiResponse(description="With what the content is, it makes no document."),
        },
        description="A JSON merge patch (RFC 7396): what is left out stays, null sets the default."
        " `tags` replaces all tags.",
    ),
    destroy=extend_schema(
        operation_id="delete_note", summary="Move a note to the trash", parameters=CONDITIONS
    ),
    archive=extend_schema(
        operation_id="archive_note",
        summary="Archive a note",
        parameters=[*CONDITIONS, ETAG],
        request=None,
        responses=NoteSerializer,
    ),
    unarchive=extend_schema(
        operation_id="unarchive_note",
        summary="Bring a note back from the archive",
        parameters=[*CONDITIONS, ETAG],
        request=None,
        responses=NoteSerializer,
    ),
)
class NoteViewSet(StrictParameters, MergePatched, viewsets.GenericViewSet[Note]):
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    pagination_class = KeysetPagination
    filter_backends = [NoteFilter]
    lookup_value_regex = ID

    _tag = ""

    @property
    def page_headers(self) -> dict[str, str]:
        return {"If-Match": self._tag} if self.detail else {"Idempotency-Key": ""}

    @property
    def parameters(self) -> frozenset[str]:  # type: ignore[override]
        """A form of the browsable API goes to the address of the list that shows it."""
        return frozenset() if self.detail else OF_NOTES

    def page_links(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        if self.detail:
            return [*links_of(self.kwargs["pk"]), *links_of_tags(data.get("tags", ()))]
        export = reverse("note-export")
        return [
            *([self.page_row(data)] if "id" in data else []),
            ("Several at once", reverse("note-bulk")),
            ("Export", f"{export}?format=jsonl"),
            ("Export as Markdown", f"{export}?format=markdown"),
            ("Import", reverse("note-import")),
        ]

    def page_row(self, row: dict[str, Any]) -> tuple[str, str]:
        return row["title"], reverse("note-detail", [row["id"]])

    def get_queryset(self) -> NoteQuerySet:
        return Note.objects.owned_by(signed_in(self.request))

    def get_object(self) -> bytes:  # type: ignore[override]
        note = read_note(signed_in(self.request).id, self.kwargs["pk"])
        if note is None:
            raise exceptions.NotFound
        return note

    def list(self, request: Request) -> Response:
        notes: Any = NoteList(signed_in(request).id)
        rows: Any = self.paginate_queryset(self.filter_queryset(notes))
        return self.get_paginated_response(answer_data(request, rows))

    @idempotent
    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        note_id, note = create_note(signed_in(request), **serializer.validated_data)
        location = request.build_absolute_uri(f"{request.path}{note_id}/")
        return self._answer(note, status.HTTP_201_CREATED, {"Location": location})

    def retrieve(self, request: Request, pk: str) -> Response:
        note = self.get_object()
        return answer_read(request, entity_tag(note), self._data(note))

    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        conditions = conditions_of(request)
        takes = NotePatchSerializer if partial else NoteSerializer
        context = self.get_serializer_context()
        # A form cannot show every content as it is: see `typed_text`.
        is_form = html.is_html_input(request.data)
        before = self.get_queryset().filter(pk=pk).first() if is_form else None
        serializer = takes(before, data=request.data, partial=partial, context=context)
        serializer.is_valid(raise_exception=True)
        note = change_note(signed_in(request), pk, serializer.validated_data, conditions)
        return self._answer(note)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk, partial=True)

    def destroy(self, request: Request, pk: str) -> Response:
        if not trash_note(signed_in(request), pk, conditions_of(request)):
            raise exceptions.NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"], serializer_class=serializers.Serializer)
    def archive(self, request: Request, pk: str) -> Response:
        return self._set_archived(True)

    @action(detail=True, methods=["post"], serializer_class=serializers.Serializer)
    def unarchive(self, request: Request, pk: str) -> Response:
        return self._set_archived(False)

    def _set_archived(self, archived: bool) -> Response:
        conditions = conditions_of(self.request)
        pk = self.kwargs["pk"]
        return self._answer(archive_note(signed_in(self.request), pk, archived, conditions))

    def _answer(
        self,
        note: bytes | None,
        code: int = status.HTTP_200_OK,
        location: dict[str, str] | None = None,
    ) -> Response:
        """Raises NotFound where there is no note."""
        if note is None:
            raise exceptions.NotFound
        sent = answer_headers(self.request, entity_tag(note))
        return Response(self._data(note), status=code, headers={**sent, **(location or {})})

    def _data(self, note: bytes) -> Any:
        data = answer_data(self.request, note)
        if data is note:
            return note
        self._tag = entity_tag(note)
        # With the serializer, from which the browsable API fills its forms.
        return ReturnDict(data, serializer=self.get_serializer(data))
