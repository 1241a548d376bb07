"""What the lists can be asked for. Every parameter is checked; an unknown one is an error."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import QuerySet
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from config.errors import InvalidParameters
from config.negotiation import FORMAT
from notes import asked
from notes.lists import NoteList, Span
from notes.own_tags import OwnTags
from notes.pagination import KeysetPagination, read_once
from notes.search import SearchResults
from notes.tag_names import (
    MAX_LENGTH,
    PREFIX_PATTERN,
    InvalidTagName,
    normalise,
    normalise_prefix,
)

MAX_TAGS = 20
_NAME = {"$ref": "#/components/schemas/TagName"}
_PREFIX = {"type": "string", "maxLength": MAX_LENGTH, "pattern": PREFIX_PATTERN}
_ARCHIVED = {"false": "Not archived", "true": "Archived", "any": "All"}
_MATCHES = {"all": "All of the tags", "any": "Any of the tags"}
_ORDERS = {
    "-updated_at": "Last changed first",
    "updated_at": "Last changed last",
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "title": "Title, A to Z",
    "-title": "Title, Z to A",
}
_TIMES = {
    f"{verb}_{end}": f"Notes {verb} {when}."
    for verb in ("created", "updated")
    for end, when in (("after", "at this time or later"), ("before", "before this time"))
}
OF_PAGES = KeysetPagination.parameters
OF_NOTES = OF_PAGES | {"archived", "tag", "tag_match", "order", "q", *_TIMES}
OF_TAGS = OF_PAGES | {"prefix"}
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
# Bytes that are no UTF-8, by PEP 383.
_ESCAPED = re.compile("[\udc80-\udcff]")


class StrictParameters(APIView):
    # A view that does nothing for a request with a parameter that it does not know. A docstring
    # would be shown as the view's.
    parameters: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_unknown(request, self.parameters | {FORMAT})


class NoteFilter(BaseFilterBackend):
    """By default the notes that are not archived, whatever their tags, the last changed first."""

    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        notes: NoteList = queryset
        parameters = request.query_params
        order = _one_of(parameters, "order", _ORDERS)
        archived = _one_of(parameters, "archived", _ARCHIVED)
        match = _one_of(parameters, "tag_match", _MATCHES)
        notes = notes.narrowed(
            order=order.removeprefix("-"),
            descending=order.startswith("-"),
            archived=None if archived == "any" else archived == "true",
            tags=_read_tags(parameters),
            match_all=match == "all",
            created=Span(_time(parameters, "created_after"), _time(parameters, "created_before")),
            updated=Span(_time(parameters, "updated_after"), _time(parameters, "updated_before")),
        )
        line = read_once(parameters, "q")
        if not line:
            return notes
        return SearchResults(notes, _read_query(line), by_rank=not parameters.get("order"))

    def to_html(self, request: Request, queryset: QuerySet[Any], view: APIView) -> str:
        parameters = request.query_params
        context = {
            "parameters": parameters.dict(),
            "archived": _ARCHIVED,
            "matches": _MATCHES,
            "order": _ORDERS,
            # And room for one more.
            "tags": [*filter(None, parameters.getlist("tag")), ""],
            "times": [(name, text, parameters.get(name, "")) for name, text in _TIMES.items()],
        }
        return render_to_string("notes/note_filter.html", context)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        times = [
            _parameter(name, text, {"type": "string", "format": "date-time"})
            for name, text in _TIMES.items()
        ]
        tags = {"type": "array", "items": _NAME, "maxItems": MAX_TAGS}
        return [
            _parameter(
                "q",
                "What is to be found in title and content: words, of which the last may be a"
                ' beginning, "phrases in quotes", -excluded ones, OR between alternatives.',
                {"type": "string", "format": "search", "maxLength": asked.MAX_LENGTH},
            ),
            _parameter(
                "archived",
                "The notes that are not archived, those that are, or both.",
                _choice(_ARCHIVED),
            ),
            _parameter("tag", "A tag's name; may be repeated.", tags),
            _parameter(
                "tag_match",
                "Whether a note needs all of the tags or any of them.",
                _choice(_MATCHES),
            ),
            *times,
            _parameter(
                "order",
                "What the notes are ordered by; with `-`, the last first. By default it is"
                " `-updated_at`, with `q` how well they fit.",
                {"type": "string", "enum": list(_ORDERS), "x-enum-varnames": _names_of(_ORDERS)},
            ),
        ]


class TagFilter(BaseFilterBackend):
    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        tags: OwnTags = queryset
        prefix = read_once(request.query_params, "prefix")
        if not prefix:
            return tags
        with _named("prefix"):
            return replace(tags, prefix=normalise_prefix(prefix))

    def to_html(self, request: Request, queryset: QuerySet[Any], view: APIView) -> str:
        return render_to_string("notes/tag_filter.html", {"parameters": request.query_params})

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        text = "How the name begins, in any letter case; a space at its end counts."
        return [_parameter("prefix", text, _PREFIX)]


def read_dry_run(request: Request, *forms: QueryDict) -> bool:
    """What a change is asked with, by the query or one of the forms. Raises InvalidParameters."""
    name = "dry_run"
    given = [value for each in (request.query_params, *forms) for value in each.getlist(name)]
    return _one_of(MultiValueDict({name: given}), name, ("false", "true")) == "true"


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Raises InvalidParameters, also for a value that is no UTF-8."""
    unknown = sorted(request.query_params.keys() - known)
    if unknown:
        raise InvalidParameters(
            {name[:100]: "There is no such parameter." for name in unknown[:10]}, code="unknown"
        )
    # Django makes a character of what is none.
    if "%" in (query := request.META["QUERY_STRING"]):
        for name, value in parse_qsl(query, errors="surrogateescape"):
            if _ESCAPED.search(value):
                raise InvalidParameters({name: "This is not UTF-8."})


def _one_of(parameters: MultiValueDict[str, str], name: str, choices: Collection[str]) -> str:
    """The first choice is the default, also for an empty value: a form sends those."""
    value = read_once(parameters, name) or next(iter(choices))
    if value not in choices:
        raise InvalidParameters({name: f"Give one of: {', '.join(choices)}."})
    return value


def _read_tags(parameters: QueryDict) -> tuple[str, ...]:
    texts = [text for text in parameters.getlist("tag") if text]
    if len(texts) > MAX_TAGS:
        raise InvalidParameters({"tag": f"Give {MAX_TAGS} tags at most."})
    with _named("tag"):
        return tuple(sorted({normalise(text) for text in texts}))


def _time(parameters: QueryDict, name: str) -> datetime | None:
    text = read_once(parameters, name)
    if not text:
        return None
    try:
        if not _RFC_3339.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        detail = "Give a time as in RFC 3339, 2026-11-22T09:15:02Z; + is %2B in an address."
        raise InvalidParameters({name: detail}) from None


def _read_query(line: str) -> asked.Asked:
    try:
        return asked.parse(line)
    except asked.NothingAsked as error:
        raise InvalidParameters({"q": str(error)}) from None


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidTagName as error:
        raise InvalidParameters({name: str(error)}) from None


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _choice(choices: Iterable[str]) -> dict[str, Any]:
    """The first one is the default."""
    names = list(choices)
    return {"type": "string", "enum": names, "default": names[0]}


def _names_of(orders: Iterable[str]) -> list[str]:
    """For generators of clients: a sign is in no name."""
    return [f"{order.removeprefix('-')}{'_desc' * (order[0] == '-')}".upper() for order in orders]
