"""The files of a request, kept on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from rest_framework import exceptions, parsers
from rest_framework.request import Request

from config.parsers import require_body
from transfer.zips import CHUNK

FIELD = "file"
# Those of the page of imports too.
_FIELDS = {"dry_run", "csrfmiddlewaretoken", "shown_to"}
_NAME = "upload"


class FormParser(parsers.MultiPartParser):
    """A whole form (RFC 7578), on the disk; Django drops what it cannot read without a word."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> parsers.DataAndFiles[Any, Any]:
        boundary = parse_header_parameters(media_type or "")[1].get("boundary", "")
        counted = _Counted(stream, boundary.encode())
        parsed = super().parse(counted, media_type, parser_context)  # type: ignore[arg-type]
        while counted.read(CHUNK):
            pass
        values = sum(len(each) for part in (parsed.data, parsed.files) for _, each in part.lists())
        if (counted.delimiters, counted.ends) != (values + 1, 1):
            raise exceptions.ParseError("The form is cut off, or a part of it has no name.")
        return parsed


class _Counted:
    """A stream, and how many delimiters of a form have been read from it.

    RFC 2046 section 5.1.1: one before each part, and a last one with two hyphens.
    """

    def __init__(self, stream: IO[bytes], boundary: bytes) -> None:
        self._stream, self._delimiter = stream, b"--" + boundary
        self._tail = b""
        self.delimiters = self.ends = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.delimiters += self._found(self._delimiter, data)
        self.ends += self._found(self._delimiter + b"--", data)
        self._tail = (self._tail + data)[-len(self._delimiter) - 1 :]
        return data

    def _found(self, bytes_: bytes, data: bytes) -> int:
        """How often, also where a part of it was read before."""
        return (self._tail[1 - len(bytes_) :] + data).count(bytes_)


class AnyParser(parsers.BaseParser):
    """A body of any type, as a form's one file: the format is told by the content."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> parsers.DataAndFiles[Any, Any]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with the request
        while chunk := stream.read(CHUNK):
            file.write(chunk)
        upload = UploadedFile(file, _NAME, media_type, file.tell())
        return parsers.DataAndFiles(MultiValueDict(), MultiValueDict({FIELD: [upload]}))


@contextmanager
def files_of(request: Request) -> Iterator[list[tuple[str, IO[bytes]]]]:
    """Names and contents. Raises ParseError, ValidationError."""
    require_body(request)
    try:
        yield _checked(request)
    finally:
        for file in request.FILES.getlist(FIELD):
            file.close()


def _checked(request: Request) -> list[tuple[str, IO[bytes]]]:
    files = request.FILES.getlist(FIELD)
    if not files:
        raise exceptions.ValidationError({FIELD: ["Give a file."]}, "required")
    if FIELD in request.POST:
        raise exceptions.ValidationError({FIELD: ["Give it as a file, not as text."]}, "invalid")
    unknown = sorted((set(request.POST) - _FIELDS) | (set(request.FILES) - {FIELD}))[:10]
    if unknown:
        raise exceptions.ValidationError(
            {name[:100]: ["There is no such field."] for name in unknown}, "unknown"
        )
    return [(file.name or _NAME, file.file) for file in files]
