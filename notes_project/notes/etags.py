"""Entity tags of notes, and what requests ask of them (RFC 9110, sections 8.8.3 and 13)."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import InvalidHeaders

ANY = "*"
NO_TAGS = "Give * or entity tags as they came, in double quotes."
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
# As clients should write it; more is read (RFC 9110, 5.6.1).
TAGS = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "format": "entity-tags", "pattern": TAGS},
    OpenApiParameter.HEADER,
    description="The `ETag` of the state that is meant: a note in any other is a 412.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    {"type": "string", "format": "entity-tags", "pattern": TAGS},
    OpenApiParameter.HEADER,
    description="The `ETag` of the state that is known: a note in that is a 304, of a write a 412.",
)
CONDITIONS = [IF_MATCH, IF_NONE_MATCH]
ETAG = OpenApiParameter(
    "ETag",
    {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
    OpenApiParameter.HEADER,
    response=[200, 201],
    required=True,
    description="Strong, of all that is shown of the note.",
)


class PreconditionFailed(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The note is not in the state that the request names. Read it again."


class Conditions(NamedTuple):
    """The tags of ``If-Match`` and ``If-None-Match``, ``*`` for any; None where there are none."""

    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None

    def require(self, tag: str, *, reading: bool = False) -> None:
        """Raises PreconditionFailed where a note with this tag is not what the request wants."""
        # Compared strongly: a weak tag equals none, and those of notes are strong.
        if self.if_match is not None and not {ANY, tag} & self.if_match:
            raise PreconditionFailed
        if not reading and self.has(tag):
            raise PreconditionFailed

    def has(self, tag: str) -> bool:
        """Whether the client has the note with this tag already. Compared weakly."""
        have = self.if_none_match or ()
        return ANY in have or any(each.removeprefix("W/") == tag for each in have)


UNCONDITIONAL = Conditions()


def conditions_of(request: Request) -> Conditions:
    """Raises InvalidHeaders."""
    headers = ("If-Match", "If-None-Match")
    return Conditions(*(_read(name, request.headers.get(name)) for name in headers))


def entity_tag(note: bytes) -> str:
    """Of the whole of what is shown, so that a renamed tag changes it too."""
    return f'"{blake2b(note, digest_size=16).hexdigest()}"'


def parse(text: str) -> frozenset[str] | None:
    """A list of entity tags, or ``*``; None where it is neither."""
    if text.strip(" \t") == ANY:
        return frozenset((ANY,))
    return frozenset(re.findall(_TAG, text)) if _LIST.fullmatch(text) else None


def _read(header: str, text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    tags = parse(text)
    if tags is None:
        raise InvalidHeaders({header: NO_TAGS})
    return tags


def is_page(request: Request) -> bool:
    """Whether the answer is a page of the browsable API: it shows more than the note."""
    return bool(request.accepted_renderer.media_type == "text/html")


def answer_data(request: Request, body: bytes) -> Any:
    """What JSON is in an answer: a page of the browsable API takes it apart."""
    return orjson.loads(body) if is_page(request) else body


def answer_headers(request: Request, tag: str) -> dict[str, str]:
    """For an answer that shows the whole of a note."""
    # No cache may give it without asking here first: this is where the access token is checked.
    return {} if is_page(request) else {"ETag": tag, "Cache-Control": "private, no-cache"}


def answer_read(request: Request, tag: str, data: Any) -> Response:
    """The answer to a GET of a note: 304 where the client has it already.

    Raises PreconditionFailed, InvalidHeaders.
    """
    if is_page(request):
        return Response(data)
    conditions = conditions_of(request)
    conditions.require(tag, reading=True)
    if conditions.has(tag):
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=answer_headers(request, tag))
    return Response(data, headers=answer_headers(request, tag))
