from __future__ import annotations

from typing import Any, cast

from django.db import IntegrityError
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions, generics, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils.serializer_helpers import ReturnDict

from notes.filters import NoteFilter, TagFilter
from notes.models import Note, NoteQuerySet, Tag, TagQuerySet
from notes.pagination import KeysetPagination
from notes.serializers import NoteSerializer, NoteSummarySerializer, TagSerializer
from notes.tag_names import InvalidTagName, normalise
from notes.write import change_note, create_note
from users.models import User


@extend_schema_view(
    list=extend_schema(
        operation_id="list_notes",
        summary="One's own notes, the last changed first",
        responses=NoteSummarySerializer(many=True),
    ),
    create=extend_schema(operation_id="create_note", summary="Write a note"),
    retrieve=extend_schema(operation_id="get_note", summary="Read a note"),
    update=extend_schema(
        operation_id="replace_note",
        summary="Replace a note",
        description="What is left out gets its default.",
    ),
    partial_update=extend_schema(
        operation_id="change_note",
        summary="Change a note",
        description="What is left out stays. `tags` replaces all tags, `content: null` clears.",
    ),
    destroy=extend_schema(operation_id="delete_note", summary="Delete a note"),
    archive=extend_schema(
        operation_id="archive_note",
        summary="Archive a note",
        request=None,
        responses=NoteSerializer,
    ),
    unarchive=extend_schema(
        operation_id="unarchive_note",
        summary="Bring a note back from the archive",
        request=None,
        responses=NoteSerializer,
    ),
)
class NoteViewSet(viewsets.GenericViewSet[Note]):
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    pagination_class = KeysetPagination
    filter_backends = [NoteFilter]
    lookup_value_regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    def get_queryset(self) -> NoteQuerySet:
        return Note.objects.owned_by(_user(self.request))

    def get_object(self) -> dict[str, Any]:  # type: ignore[override]
        rows = self.get_queryset().filter(pk=self.kwargs["pk"]).representations()
        if not rows:
            raise exceptions.NotFound
        return rows[0]

    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(rows)

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            note = create_note(_user(request), **serializer.validated_data)
        except IntegrityError:
            # Deleted since the token was checked.
            raise exceptions.AuthenticationFailed("There is no such account.") from None
        location = reverse("note-detail", [note["id"]], request=request)
        return self._answer(note, status.HTTP_201_CREATED, {"Location": location})

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._answer(self.get_object())

    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        note = change_note(_user(request), pk, serializer.validated_data)
        if note is None:
            raise exceptions.NotFound
        return self._answer(note)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk, partial=True)

    def destroy(self, request: Request, pk: str) -> Response:
        deleted, _ = self.get_queryset().filter(pk=pk).delete()
        if not deleted:
            raise exceptions.NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"], serializer_class=serializers.Serializer)
    def archive(self, request: Request, pk: str) -> Response:
        return self._set_archived(True)

    @action(detail=True, methods=["post"], serializer_class=serializers.Serializer)
    def unarchive(self, request: Request, pk: str) -> Response:
        return self._set_archived(False)

    def _set_archived(self, archived: bool) -> Response:
        self.get_queryset().filter(pk=self.kwargs["pk"]).set_archived(archived)
        return self._answer(self.get_object())

    def _answer(
        self, note: dict[str, Any], code: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        # With the serializer, from which the browsable API fills its forms.
        data = ReturnDict(note, serializer=self.get_serializer(note))
        return Response(data, status=code, headers=headers)


class TagView(generics.GenericAPIView[Tag]):
    queryset = Tag.objects.all()
    serializer_class = TagSerializer
    pagination_class = KeysetPagination
    filter_backends = [TagFilter]

    def get_queryset(self) -> TagQuerySet:
        return Tag.objects.used_by(_user(self.request))


class TagList(TagView):
    @extend_schema(
        operation_id="list_tags", summary="One's own tags", responses=TagSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(rows)


class TagDetail(TagView):
    @extend_schema(
        operation_id="get_tag",
        summary="One of one's own tags",
        parameters=[
            OpenApiParameter(
                "name",
                location=OpenApiParameter.PATH,
                description="In any letter case, percent-encoded whole: a slash is `%2F`.",
            )
        ],
    )
    def get(self, request: Request, name: str) -> Response:
        try:
            rows = self.get_queryset().filter(name=normalise(name)).summaries()
        except InvalidTagName:
            rows = []
        if not rows:
            raise exceptions.NotFound
        return Response(rows[0])


def _user(request: Request) -> User:
    """No view here lets an anonymous user in."""
    return cast("User", request.user)
