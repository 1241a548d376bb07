"""What the lists can be asked for. Every parameter is checked; an unknown one is an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.template.loader import render_to_string
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from config.errors import InvalidParameters
from notes.models import NoteQuerySet, TagQuerySet
from notes.pagination import KeysetPagination
from notes.tag_names import MAX_LENGTH, InvalidTagName, normalise, normalise_prefix

MAX_TAGS = 20
_NAME = {"type": "string", "maxLength": MAX_LENGTH}
_ARCHIVED = {"false": "Not archived", "true": "Archived", "any": "All"}
# `format` chooses the renderer, in DRF.
_EVERYWHERE = KeysetPagination.parameters | {api_settings.URL_FORMAT_OVERRIDE}


class NoteFilter(BaseFilterBackend):
    """By default the notes that are not archived, whatever their tags."""

    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        notes: NoteQuerySet = queryset
        parameters = request.query_params
        _refuse_unknown(parameters, {"archived", "tag", "tag_match"})
        archived = _one_of(parameters, "archived", tuple(_ARCHIVED))
        match = _one_of(parameters, "tag_match", ("all", "any"))
        tags = _read_tags(parameters)
        if archived != "any":
            notes = notes.archived(archived == "true")
        return notes.tagged(tags, match_all=match == "all") if tags else notes

    def to_html(self, request: Request, queryset: QuerySet[Any], view: APIView) -> str:
        return render_to_string(
            "notes/note_filter.html", {"parameters": request.query_params, "archived": _ARCHIVED}
        )

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "archived",
                "in": "query",
                "description": "The notes that are not archived, those that are, or both.",
                "schema": {
                    "type": "string",
                    "enum": list(_ARCHIVED),
                    "default": "false",
                },
            },
            {
                "name": "tag",
                "in": "query",
                "description": "A tag's name; may be repeated.",
                "schema": {"type": "array", "items": _NAME, "maxItems": MAX_TAGS},
            },
            {
                "name": "tag_match",
                "in": "query",
                "description": "Whether a note needs all of the tags or any of them.",
                "schema": {"type": "string", "enum": ["all", "any"], "default": "all"},
            },
        ]


class NoFilter(BaseFilterBackend):
    """For a list that can be paged and nothing else."""

    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        _refuse_unknown(request.query_params, set())
        return queryset


class TagFilter(BaseFilterBackend):
    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        _refuse_unknown(request.query_params, {"prefix"})
        tags: TagQuerySet = queryset
        prefix = request.query_params.get("prefix", "")
        if not prefix:
            return tags
        with _parameter("prefix"):
            return tags.filter(name__startswith=normalise_prefix(prefix))

    def to_html(self, request: Request, queryset: QuerySet[Any], view: APIView) -> str:
        return render_to_string("notes/tag_filter.html", {"parameters": request.query_params})

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "prefix",
                "in": "query",
                "description": "How the name begins, in any letter case.",
                "schema": _NAME,
            }
        ]


def _refuse_unknown(parameters: QueryDict, known: set[str]) -> None:
    unknown = sorted(set(parameters) - known - _EVERYWHERE)
    if unknown:
        raise InvalidParameters(
            {name[:100]: "There is no such parameter." for name in unknown[:10]}, code="unknown"
        )


def _one_of(parameters: QueryDict, name: str, choices: tuple[str, ...]) -> str:
    """The first choice is the default, also for an empty value: a form sends those."""
    value = parameters.get(name) or choices[0]
    if value not in choices:
        raise InvalidParameters({name: f"Give one of: {', '.join(choices)}."})
    return value


def _read_tags(parameters: QueryDict) -> set[str]:
    texts = [text for text in parameters.getlist("tag") if text]
    if len(texts) > MAX_TAGS:
        raise InvalidParameters({"tag": f"Give {MAX_TAGS} tags at most."})
    with _parameter("tag"):
        return {normalise(text) for text in texts}


@contextmanager
def _parameter(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidTagName as error:
        raise InvalidParameters({name: str(error)}) from None
