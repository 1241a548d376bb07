"""JSON lines: what the API shows of each note on a line, between a first and a last line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import IO, Any
from uuid import UUID

import orjson

from config import strict_json
from notes.models import BLOCKS, TEXT
from transfer.archive import MAX_TEXT
from transfer.errors import Broken, UnknownFormat
from transfer.export import pages_as_json
from transfer.items import Item, Refused
from transfer.times import InvalidTime, read_time

FORMAT, VERSION = "notes-jsonl", 1
_BOM = b"\xef\xbb\xbf"
_FIRST_LINE = orjson.dumps({"format": FORMAT, "version": VERSION}) + b"\n"
_KINDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "title": str,
    "content": (str, dict, type(None)),
    "content_format": str,
    "is_archived": bool,
    "tags": list,
    "created_at": str,
    "updated_at": str,
}


def write(user_id: UUID) -> Iterator[bytes]:
    """The export, in pieces. Without its last line, which counts the notes, it is cut off."""
    return write_pages(pages_as_json(user_id))


def write_pages(pages: Iterable[list[str]]) -> Iterator[bytes]:
    """The same of notes as the API shows them."""
    count = 0
    yield _FIRST_LINE
    for page in pages:
        count += len(page)
        # Raw line ends in JSON are white space, as somebody may have written it by SQL.
        lines = (note.replace("\r", " ").replace("\n", " ") for note in page)
        yield "".join(f"{line}\n" for line in lines).encode()
    yield orjson.dumps({"end": True, "notes": count}) + b"\n"


def may_be(start: bytes) -> bool:
    """Whether a file that begins so may be one."""
    return start.removeprefix(_BOM).lstrip().startswith(b"{")


def read(name: str, file: IO[bytes]) -> Iterator[Item | Refused]:
    """Raises UnknownFormat and Broken, before the first item."""
    return _items(name, file, _count(name, file))


def _count(name: str, file: IO[bytes]) -> int:
    """How many notes there are, and as many as the last line says."""
    lines = _lines(file)
    _, first = next(lines, (0, b""))
    header = _loads(first.removeprefix(_BOM))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        wanted = _FIRST_LINE.decode().strip()
        raise UnknownFormat(f"JSON lines of notes begin with the line {wanted}")
    if header.get("version") != VERSION:
        raise UnknownFormat(f"Version {VERSION} of {FORMAT} is read here, and no other.")
    count, last = -1, b""
    for _, line in lines:
        count, last = count + 1, line
    end = _loads(last)
    if not isinstance(end, dict) or end.get("end") is not True:
        raise Broken(f"{name} is cut off: its last line does not say how many notes there are.")
    if end.get("notes") != count:
        raise Broken(f"{name} has {count} notes, and its last line says {end.get('notes')}.")
    return count


def _items(name: str, file: IO[bytes], count: int) -> Iterator[Item | Refused]:
    for number, line in islice(_lines(file), 1, count + 1):
        source = f"{name}:{number}"
        if _is_whole(line):
            yield _item(source, line)
        else:
            yield Refused(source, f"The line has more than {MAX_TEXT:,} bytes.")


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers; of one that is too long its beginning."""
    file.seek(0)
    number = 0
    while line := file.readline(MAX_TEXT):
        number += 1
        if not _is_whole(line):
            yield number, line
            while not _is_whole(file.readline(MAX_TEXT)):
                pass
        elif line.strip():
            yield number, line


def _is_whole(line: bytes) -> bool:
    """Also true of the end of a line that was read in parts."""
    return line.endswith(b"\n") or len(line) < MAX_TEXT


def _item(source: str, line: bytes) -> Item | Refused:
    try:
        note = strict_json.loads(line.decode())
    except UnicodeDecodeError:
        return Refused(source, "The line is no UTF-8.")
    except strict_json.InvalidJSON as error:
        return Refused(source, f"The line is not valid JSON: {error}")
    try:
        return _read_note(source, line, note)
    except InvalidTime as error:
        return Refused(source, str(error))


def _read_note(source: str, line: bytes, note: Any) -> Item | Refused:
    """Raises InvalidTime."""
    if not isinstance(note, dict):
        return Refused(source, "The line is no object.")
    for name, value in note.items():
        if name not in _KINDS:
            return Refused(source, f"A note has no member {name[:100]!a}.")
        if not isinstance(value, _KINDS[name]):
            return Refused(source, f"The member {name} is of another type.")
    if "title" not in note:
        return Refused(source, "The member title is missing.")
    content, tags = note.get("content"), note.get("tags", [])
    if not all(isinstance(tag, str) for tag in tags):
        return Refused(source, "A tag is no string.")
    if note.get("content_format", content_format := _format_of(content)) != content_format:
        return Refused(source, "The content is not what content_format says.")
    return Item(
        source,
        # The same line is the same note where nothing else tells.
        key=note.get("id") or blake2b(line.strip(), digest_size=16).hexdigest(),
        title=note["title"],
        content=content,
        tags=tuple(tags),
        is_archived=note.get("is_archived", False),
        created_at=read_time(note.get("created_at")),
        updated_at=read_time(note.get("updated_at")),
    )


def _format_of(content: Any) -> str:
    return BLOCKS if isinstance(content, dict) else TEXT


def _loads(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
