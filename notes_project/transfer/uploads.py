"""The files of a request, kept on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from rest_framework import exceptions, parsers
from rest_framework.request import Request

from config.parsers import require_body
from transfer.zips import CHUNK

FIELD = "file"
_FIELDS = {FIELD, "dry_run", "csrfmiddlewaretoken"}
_NAME = "upload"


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
    unknown = sorted((set(request.data) | set(request.FILES)) - _FIELDS)[:10]
    if unknown:
        raise exceptions.ValidationError(
            {name[:100]: ["There is no such field."] for name in unknown}, "unknown"
        )
    return [(file.name or _NAME, file.file) for file in files]
