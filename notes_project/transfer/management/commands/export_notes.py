"""``manage.py export_notes``: all notes of a user into a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.progress import Progress
from transfer import jsonl, markdown
from transfer.users import user_named

_WRITERS: dict[str, Callable[[UUID], Iterator[bytes]]] = {
    "jsonl": jsonl.write,
    "markdown": markdown.write,
}


class Command(BaseCommand):
    help = (
        "Writes all notes of a user, without the trash, as JSON lines or a zip of Markdown files."
        " What the API exports, without its limits.\n"
        "Examples: export_notes ada --output notes.jsonl; export_notes ada --format markdown"
        " --output notes.zip; export_notes ada >notes.jsonl"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="or the user's id")
        parser.add_argument(
            "--format", choices=list(_WRITERS), default="jsonl", help="jsonl by default"
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="a new file; standard output by default"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object about the file")

    def handle(self, *args: Any, **options: Any) -> None:
        output: Path | None = options["output"]
        if options["json"] and output is None:
            raise CommandError("--json needs --output: standard output is the export's.")
        pieces = _WRITERS[options["format"]](user_named(options["username"]).pk)
        if output is None:
            _write(pieces, sys.stdout.buffer)
            return
        size = _write_new(pieces, output)
        about = {"file": str(output), "bytes": size}
        self.stdout.write(json.dumps(about) if options["json"] else f"{output}: {size:,} bytes")


def _write_new(pieces: Iterator[bytes], output: Path) -> int:
    """Whoever sees the file sees the whole of it. Raises CommandError."""
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        if output.exists():
            raise CommandError(f"{output} is there already.")
        with unfinished.open("xb") as file:
            try:
                size = _write(pieces, file)
                unfinished.rename(output)
            except BaseException:
                unfinished.unlink()
                raise
    except OSError as error:
        raise CommandError(f"{error.filename or output}: {error.strerror}.") from None
    return size


def _write(pieces: Iterator[bytes], file: IO[bytes]) -> int:
    size = 0
    with Progress("bytes") as progress:
        for piece in pieces:
            file.write(piece)
            size += len(piece)
            progress.show(size)
        file.flush()
    return size
