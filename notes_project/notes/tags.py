"""One's own tags: `GET /tags/`, and one of them: read, renamed, taken off all notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils.serializer_helpers import ReturnDict

from notes.fields import TagName
from notes.filters import OF_TAGS, StrictParameters, TagFilter, read_dry_run
from notes.merge_patch import MergePatched
from notes.models import Tag
from notes.own_tags import OwnTags, Use, use_of
from notes.pagination import KeysetPagination
from notes.serializers import StrictSerializer
from notes.tag_changes import detach_tag, rename_tag
from notes.tag_names import InvalidTagName, normalise
from users.authentication import signed_in

_NAME = OpenApiParameter(
    "name",
    location=OpenApiParameter.PATH,
    description="In any letter case, percent-encoded whole: a slash is `%2F`.",
)
_DRY_RUN = OpenApiParameter(
    "dry_run",
    OpenApiTypes.BOOL,
    description="`true`: say what would be changed, and change nothing.",
)


class TagSerializer(StrictSerializer):
    """A tag of one's own notes."""

    name = TagName()
    count = serializers.IntegerField(
        read_only=True, help_text="On how many of one's notes, archived or not."
    )


class TagChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Of the tag as it is then.")
    notes = serializers.IntegerField(help_text="How many notes are changed, archived or not.")
    trashed = serializers.IntegerField(help_text="How many notes in the trash, besides.")


def address_of(name: str) -> str:
    """The path of a tag of this normalised name."""
    return f"{reverse('tag-list')}{quote(name, safe='')}/"


def links_of_tags(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(f"Tag {name}", address_of(name)) for name in names]


class TagView(StrictParameters, generics.GenericAPIView[Any]):
    # Whose table has the names.
    queryset = Tag.objects.all()
    serializer_class = TagSerializer
    pagination_class = KeysetPagination
    filter_backends = [TagFilter]


class TagList(TagView):
    parameters = OF_TAGS

    @extend_schema(
        operation_id="list_tags", summary="One's own tags", responses=TagSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        tags: Any = OwnTags(signed_in(request).id)
        rows = self.paginate_queryset(self.filter_queryset(tags))
        return self.get_paginated_response(rows)

    def page_row(self, row: dict[str, Any]) -> tuple[str, str]:
        return row["name"], address_of(row["name"])


class TagDetail(MergePatched, TagView):
    parameters = frozenset({"dry_run"})

    def page_links(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        """With one to the dry run, where the buttons change nothing."""
        name = data.get("name", self.kwargs["name"])
        notes = f"{reverse('note-list')}?{urlencode({'archived': 'any', 'tag': name})}"
        address = address_of(name)
        dry_run = f"{address}?dry_run=true"
        return [("Its notes", notes), ("Dry run", dry_run), ("As it is", address)]

    @extend_schema(
        operation_id="get_tag",
        summary="One of one's own tags",
        parameters=[_NAME],
    )
    def get(self, request: Request, name: str) -> Response:
        name, use = self._find()
        data = {"name": name, "count": use.notes}
        return Response(ReturnDict(data, serializer=self.get_serializer(data)))

    @extend_schema(
        operation_id="rename_tag",
        summary="Rename a tag on one's own notes",
        description="Those in the trash too. On a note that has the other tag already, they"
        " become one. Neither `updated_at` nor the versions change; the `ETag` does. Of very many"
        " notes a 503 may leave some; sent again, the request goes on.",
        parameters=[_NAME, _DRY_RUN],
        responses=TagChangeSerializer,
    )
    def patch(self, request: Request, name: str) -> Response:
        dry_run = read_dry_run(request)
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        old, use = self._find()
        new = serializer.validated_data.get("name", old)
        if new == old:
            use = Use(0, 0)
        elif not dry_run:
            use = rename_tag(signed_in(request), old, new)
        return Response({"name": new, **use._asdict()})

    @extend_schema(
        operation_id="detach_tag",
        summary="Take a tag off one's own notes",
        description="Those in the trash too. Neither `updated_at` nor the versions of the notes"
        " change; their `ETag` does. Of very many a 503 may leave some; sent again, the request"
        " goes on.",
        parameters=[_NAME, _DRY_RUN],
        responses={200: TagChangeSerializer},
    )
    def delete(self, request: Request, name: str) -> Response:
        dry_run = read_dry_run(request)
        name, use = self._find()
        if not dry_run:
            use = detach_tag(signed_in(request), name)
        return Response({"name": name, **use._asdict()})

    def _find(self) -> tuple[str, Use]:
        """The tag's name and use. Raises NotFound where no note of the user's has it."""
        try:
            name = normalise(self.kwargs["name"])
        except InvalidTagName:
            raise exceptions.NotFound from None
        use = use_of(signed_in(self.request), name)
        if not use.notes:
            raise exceptions.NotFound
        return name, use
