"""A zip of Markdown files with YAML front matter, a file for each note.

What a file holds below its front matter is the content to the letter. A block document is there as
Markdown, to be read, and beside it as it is: that one is taken while the Markdown is unedited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from config import strict_json
from notes import blocks
from notes.models import BLOCKS, TEXT
from transfer import front_matter
from transfer.archive import Archive, Member
from transfer.block_markdown import markdown
from transfer.errors import UnknownFormat, Unreadable
from transfer.export import summaries_with_content
from transfer.file_names import FileNames
from transfer.foreign import shown
from transfer.items import Item, Lost, Read, Refused
from transfer.times import InvalidTime, read_time
from transfer.zip_writer import ZipWriter

FORMAT, VERSION = "notes-markdown", 1
MARKER = "notes-export.json"
_START = datetime(1980, 1, 1)  # noqa: DTZ001 - a zip file's times have no offset
_SHOWN = ("id", "title", "tags", "is_archived", "created_at", "updated_at", "content_format")
_READ = {*_SHOWN, "content", "blocks", "markdown_sha256"}


def write(user_id: UUID) -> Iterator[bytes]:
    """The export, in pieces. What is cut off is no zip file: its directory comes last."""
    with closing(ZipWriter()) as zip_file, closing(FileNames()) as names:
        yield from _write(user_id, zip_file, names)


def _write(user_id: UUID, zip_file: ZipWriter, names: FileNames) -> Iterator[bytes]:
    yield zip_file.add(MARKER, orjson.dumps({"format": FORMAT, "version": VERSION}), _START)
    for row, content in summaries_with_content(user_id):
        summary = orjson.loads(row)
        modified = datetime.fromisoformat(summary["updated_at"])
        values = {name: summary[name] for name in _SHOWN}
        body = content or ""
        if content is None:
            values["content"] = None
        elif summary["content_format"] == BLOCKS:
            document = f"blocks/{summary['id']}.json"
            body = _as_markdown(content)
            values |= {"blocks": document, "markdown_sha256": _digest(body)}
            yield zip_file.add(document, content.encode(), modified)
        file = front_matter.written(values) + body
        yield zip_file.add(f"notes/{names.give(summary['title'])}.md", file.encode(), modified)
    yield from zip_file.end()


def is_export(archive: Archive, part: int) -> bool:
    """Whether the marker is there: in a folder, where somebody has packed an export again."""
    return any(marker.part == part for marker in archive.named(MARKER))


def is_written(values: dict[str, Any]) -> bool:
    """Whether front matter is that of an export."""
    return values.get("content_format") in (TEXT, BLOCKS)


def read(archive: Archive) -> Read:
    """Raises UnknownFormat."""
    marker = next(archive.named(MARKER), None)
    try:
        stated = orjson.loads(archive.text(marker)) if marker else None
    except (orjson.JSONDecodeError, Unreadable):
        stated = None
    if marker is None or stated != {"format": FORMAT, "version": VERSION}:
        raise UnknownFormat(f"{MARKER} does not say version {VERSION} of {FORMAT}.")
    root = marker.path.removesuffix(MARKER)
    return lambda _: _items(archive, root)


def _items(archive: Archive, root: str) -> Iterator[Item | Refused | Lost]:
    for member in archive:
        if member.path.endswith(".md"):
            yield from read_note(archive, member, root)
        elif not member.path.startswith((f"{root}{MARKER}", f"{root}blocks/")):
            yield Refused(member.path, "It is no Markdown file.")


def read_note(archive: Archive, member: Member, root: str) -> Iterator[Item | Refused | Lost]:
    """Args: root: the folder, with a slash at its end, that `blocks/` is in."""
    try:
        yield from _read_note(archive, member, root)
    except (Unreadable, front_matter.InvalidFrontMatter, InvalidTime) as error:
        yield Refused(member.path, str(error))


def _read_note(archive: Archive, member: Member, root: str) -> Iterator[Item | Lost]:
    """Raises Unreadable, InvalidFrontMatter, InvalidTime."""
    values, body = front_matter.split(archive.text(member))
    name = member.path.rpartition("/")[2].removesuffix(".md")
    content: str | dict[str, Any] | None = body
    if not body and _text(values, "content", "") in ("null", "~"):
        content = None
    elif _text(values, "content_format", "") == BLOCKS:
        if _text(values, "markdown_sha256", "") == _digest(body):
            content = _document(archive, root + _text(values, "blocks", ""))
        else:
            yield Lost(
                member.path, "Its text was edited, so it is taken as Markdown, not as blocks."
            )
    others = shown(name for name in values if name not in _READ)
    if others:
        yield Lost(member.path, f"What its front matter has besides is left out: {others}.")
    yield Item(
        member.path,
        key=_text(values, "id", member.path),
        title=_text(values, "title", name),
        content=content,
        tags=_tags(values.get("tags")),
        is_archived=_is_true(_text(values, "is_archived", "false")),
        created_at=read_time(_text(values, "created_at", "")),
        updated_at=read_time(_text(values, "updated_at", "")),
    )


def _document(archive: Archive, path: str) -> dict[str, Any]:
    """Raises Unreadable."""
    member = archive.find(path)
    if member is None:
        raise Unreadable(f"Its block document {path[:200]!a} is missing.")
    try:
        document = strict_json.loads(archive.text(member))
    except (Unreadable, strict_json.InvalidJSON) as error:
        raise Unreadable(f"Its block document: {error}") from None
    if not isinstance(document, dict):
        raise Unreadable("Its block document is no object.")
    return document


def _text(values: dict[str, Any], name: str, default: str) -> str:
    """Raises InvalidFrontMatter."""
    value = values.get(name, default)
    if not isinstance(value, str):
        raise front_matter.InvalidFrontMatter(f"{name} in its front matter is no single value.")
    return value


def _tags(value: Any) -> tuple[str, ...]:
    """A list, or a line with commas. Raises InvalidFrontMatter."""
    names = value.split(",") if isinstance(value, str) else value or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise front_matter.InvalidFrontMatter("tags in its front matter is no list of names.")
    return tuple(name for name in names if name.strip())


def _is_true(text: str) -> bool:
    """Raises InvalidFrontMatter."""
    if text.lower() not in ("true", "false"):
        raise front_matter.InvalidFrontMatter("is_archived in its front matter is true or false.")
    return text.lower() == "true"


def _as_markdown(content: str) -> str:
    """Nothing, where SQL has written what is no valid document."""
    try:
        document = strict_json.loads(content)
        blocks.canonical(document)
    except (strict_json.InvalidJSON, blocks.InvalidDocument):
        return ""
    return markdown(document["blocks"])


def _digest(body: str) -> str:
    """Of the words: editors change line ends, and what is at the end of a file."""
    return hashlib.sha256(body.replace("\r\n", "\n").rstrip().encode()).hexdigest()
