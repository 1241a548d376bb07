"""The trash: notes that were deleted, until they are restored or deleted for good."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from notes.etags import (
    CONDITIONS,
    ETAG,
    answer_data,
    answer_headers,
    answer_read,
    conditions_of,
    entity_tag,
)
from notes.filters import OF_PAGES, StrictParameters
from notes.models import Note, TrashQuerySet
from notes.pagination import KeysetPagination
from notes.serializers import NoteSerializer, NoteSummarySerializer
from notes.versions import links_of
from notes.write import delete_note, empty_trash, restore_note
from users.authentication import signed_in


class TrashedNoteSerializer(NoteSerializer):
    deleted_at = serializers.DateTimeField(read_only=True)


class TrashedSummarySerializer(NoteSummarySerializer):
    deleted_at = serializers.DateTimeField()


class TrashView(StrictParameters, generics.GenericAPIView[Note]):
    queryset = Note.objects.all()
    serializer_class: type[serializers.BaseSerializer[Any]] = TrashedNoteSerializer
    pagination_class = KeysetPagination

    def get_queryset(self) -> TrashQuerySet:
        return Note.trash.trashed_by(signed_in(self.request))


class TrashList(TrashView):
    @property
    def parameters(self) -> frozenset[str]:  # type: ignore[override]
        """Who deletes deletes all; the browsable API does so from each page."""
        return OF_PAGES - {"limit"} if self.request.method == "DELETE" else OF_PAGES

    @extend_schema(
        operation_id="list_trash",
        summary="The notes in the trash, the last deleted first",
        responses=TrashedSummarySerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        trashed = self.get_queryset().in_order_of(signed_in(request))
        rows = self.paginate_queryset(trashed)
        return self.get_paginated_response(rows)

    def page_row(self, row: dict[str, Any]) -> tuple[str, str]:
        return row["title"], reverse("trash-detail", [row["id"]])

    @extend_schema(
        operation_id="empty_trash",
        summary="Delete all of the trash for good",
        description="Of very much a 503 may leave some; sent again, the request goes on.",
    )
    def delete(self, request: Request) -> Response:
        empty_trash(signed_in(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TrashDetail(TrashView):
    page_headers = {"If-Match": ""}

    @extend_schema(
        operation_id="get_trashed_note",
        summary="Read a note in the trash",
        parameters=[*CONDITIONS, ETAG],
    )
    def get(self, request: Request, pk: str) -> Response:
        rows = self.get_queryset().filter(pk=pk).representations()
        if not rows:
            raise exceptions.NotFound
        self.page_headers = {"If-Match": entity_tag(rows[0])}
        return answer_read(request, entity_tag(rows[0]), answer_data(request, rows[0]))

    @extend_schema(
        operation_id="delete_trashed_note",
        summary="Delete a note for good",
        parameters=CONDITIONS,
    )
    def delete(self, request: Request, pk: str) -> Response:
        if not delete_note(signed_in(request), pk, conditions_of(request)):
            raise exceptions.NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_extra_action_url_map(self) -> dict[str, str]:
        """The buttons of the page."""
        return {"Restore": reverse("trash-restore", [self.kwargs["pk"]], request=self.request)}


class TrashRestore(TrashView):
    serializer_class = serializers.Serializer

    def page_links(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        return links_of(self.kwargs["pk"])

    @extend_schema(
        operation_id="restore_trashed_note",
        summary="Take a note out of the trash",
        parameters=[*CONDITIONS, ETAG],
        request=None,
        responses=NoteSerializer,
    )
    def post(self, request: Request, pk: str) -> Response:
        note = restore_note(signed_in(request), pk, conditions_of(request))
        if note is None:
            raise exceptions.NotFound
        return Response(
            answer_data(request, note), headers=answer_headers(request, entity_tag(note))
        )
