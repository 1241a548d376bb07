"""Former states of a note: `GET /notes/{id}/versions/`, one of them, and going back to it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from notes.etags import (
    CONDITIONS,
    ETAG,
    UNCONDITIONAL,
    Conditions,
    answer_data,
    answer_headers,
    conditions_of,
    entity_tag,
)
from notes.fields import Content, TagName
from notes.filters import OF_PAGES, StrictParameters
from notes.models import CONTENT_FORMATS, Note, NoteVersion, NoteVersionQuerySet
from notes.pagination import KeysetPagination
from notes.serializers import NoteSerializer
from notes.write import COLUMNS, change_note
from users.authentication import signed_in
from users.models import User

_NUMBER = OpenApiParameter(
    "number",
    {"type": "integer", "minimum": 1, "maximum": 9_999_999_999},
    OpenApiParameter.PATH,
)


def restore_version(
    user: User, note_id: str, number: str, conditions: Conditions = UNCONDITIONAL
) -> bytes | None:
    """Makes a note what it was; what it is now becomes a version.

    Returns it as JSON; None where the user has no such note or version. Raises PreconditionFailed.
    """
    versions = NoteVersion.objects.of_note(note_id, user).filter(number=number)
    version = versions.values(*COLUMNS, "tags").first()
    return None if version is None else change_note(user, note_id, version, conditions)


def links_of(note_id: str) -> list[tuple[str, str]]:
    """Of a note and what belongs to it."""
    note, versions = (reverse(name, [note_id]) for name in ("note-detail", "version-list"))
    return [("The note", note), ("Versions", versions)]


class VersionSummarySerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    title = serializers.CharField()
    tags = serializers.ListField(child=TagName())
    updated_at = serializers.DateTimeField(
        help_text="That of the note in this state: archiving, deleting and restoring move it too."
    )
    replaced_at = serializers.DateTimeField(help_text="When it was changed again.")


class VersionSerializer(VersionSummarySerializer):
    content = Content(allow_null=True)
    content_format = serializers.ChoiceField(CONTENT_FORMATS)


class VersionView(StrictParameters, generics.GenericAPIView[Any]):
    # Whose key is in the path.
    queryset = Note.objects.all()
    serializer_class: type[serializers.BaseSerializer[Any]] = VersionSerializer
    pagination_class = KeysetPagination

    def page_links(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        return links_of(self.kwargs["pk"])

    def get_queryset(self) -> NoteVersionQuerySet:
        return NoteVersion.objects.of_note(self.kwargs["pk"], signed_in(self.request))

    def get_version(self) -> dict[str, Any]:
        """Raises NotFound."""
        rows = self.get_queryset().filter(number=self.kwargs["number"]).representations()
        if not rows:
            raise exceptions.NotFound
        return rows[0]


class VersionList(VersionView):
    parameters = OF_PAGES

    @extend_schema(
        operation_id="list_versions",
        summary="The former states of a note, the last replaced first",
        responses=VersionSummarySerializer(many=True),
    )
    def get(self, request: Request, pk: str) -> Response:
        if not Note.objects.owned_by(signed_in(request)).filter(pk=pk).exists():
            raise exceptions.NotFound
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(rows)

    def page_row(self, row: dict[str, Any]) -> tuple[str, str]:
        address = reverse("version-detail", [self.kwargs["pk"], row["number"]])
        return f"{row['number']}: {row['title']}", address


class VersionDetail(VersionView):
    @extend_schema(
        operation_id="get_version", summary="One former state of a note", parameters=[_NUMBER]
    )
    def get(self, request: Request, pk: str, number: str) -> Response:
        return Response(self.get_version())

    def get_extra_action_url_map(self) -> dict[str, str]:
        """The buttons of the page."""
        values = [self.kwargs["pk"], self.kwargs["number"]]
        return {"Restore": reverse("version-restore", values, request=self.request)}


class VersionRestore(VersionView):
    serializer_class = serializers.Serializer

    @extend_schema(
        operation_id="restore_version",
        summary="Make a note what it was",
        description="What it is now becomes a version.",
        parameters=[_NUMBER, *CONDITIONS, ETAG],
        request=None,
        responses=NoteSerializer,
    )
    def post(self, request: Request, pk: str, number: str) -> Response:
        note = restore_version(signed_in(request), pk, number, conditions_of(request))
        if note is None:
            raise exceptions.NotFound
        return Response(
            answer_data(request, note), headers=answer_headers(request, entity_tag(note))
        )
