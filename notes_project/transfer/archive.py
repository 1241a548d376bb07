"""The files of an upload, whatever it is packed in, safely and without holding them in memory."""

from __future__ import annotations

import hashlib
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Self

from transfer import tars, zips
from transfer.errors import Broken, TooLarge, UnknownFormat, Unreadable
from transfer.scratch import scratch
from transfer.zips import Entry

MAX_MEMBERS = 4_000_000
MAX_PARTS = 100
"""Packed files of one upload: each is open as long as it is read."""
MAX_TEXT = 8 * 1024 * 1024
"""Bytes of one file that is read as text. A note of the largest content needs no more."""
_JUNK = re.compile(r"(.*/)?(__MACOSX/.*|\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:/")
_COLUMNS = "part, path, size, start, packed, method, checksum"
_INSERT = f"""
INSERT INTO members ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path, part) DO UPDATE SET copies = copies + 1, size = excluded.size,
    start = excluded.start, packed = excluded.packed, method = excluded.method,
    checksum = excluded.checksum
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the upload.

    Args:
        path: with slashes between, in Unicode's NFC; never absolute, never with `..`.
        part: which of the packed files it is in, an index of `Archive.parts`.
    """

    path: str
    size: int
    part: int
    entry: Entry


class Archive:
    """Zip and tar files that make one upload, to be closed after use.

    A zip file that holds zip files alone, as Notion's, stands for these. Of files with one path in
    one of them the last is a member, as when it is unpacked. Its index is a database on the disk,
    for there may be millions of members.

    Args:
        files: name and content, which can be read at any place.
        max_unpacked: bytes of all members together.
    """

    def __init__(self, files: Sequence[tuple[str, IO[bytes]]], max_unpacked: int) -> None:
        """Raises UnknownFormat, TooLarge, Broken."""
        self.parts: list[str] = []
        """The names of the packed files in the order of the upload, with those that hold others."""
        self.holders: set[int] = set()
        """Which of them hold others."""
        self._files: list[IO[bytes]] = []
        self._left, self._count = max_unpacked, 0
        with ExitStack() as stack:
            self._index = scratch(
                f"CREATE TABLE members (number INTEGER PRIMARY KEY, {_COLUMNS},"
                " copies INTEGER DEFAULT 1, UNIQUE (path, part));"
                "CREATE INDEX members_parts ON members (part)"
            )
            stack.callback(self._index.close)
            self._stack = stack
            # Beside one that is packed, what is not is a damaged part.
            is_part = any(_reader_of(file) for _, file in files)
            for name, file in files:
                self._add(name, file, is_part=is_part)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def on_close(self, close: Callable[[], None]) -> None:
        """Of what is read out of it."""
        self._stack.callback(close)

    def __iter__(self) -> Iterator[Member]:
        """All members in the order of the upload, without what macOS and Windows add."""
        return self._select("ORDER BY number")

    def members(self, part: int) -> Iterator[Member]:
        """Those of one of the packed files, in its order."""
        return self._select("WHERE part = ? ORDER BY number", part)

    def find(self, path: str, part: int | None = None) -> Member | None:
        """The member of this path in this part; without one, in the first that has it."""
        condition = "WHERE path = ? AND part = ifnull(?, part) ORDER BY part"
        return next(self._select(condition, _normal(path), part), None)

    def named(self, name: str) -> Iterator[Member]:
        """The members of this name in any folder."""
        end = f"/{name}"
        condition = "WHERE substr('/' || path, ?) = ? ORDER BY path"
        return self._select(condition, -len(end), end)

    def replaced(self) -> Iterator[Member]:
        """The members that had their path from files before them, which are none."""
        return self._select("WHERE copies > 1 ORDER BY number")

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Raises Unreadable, perhaps after some."""
        return zips.chunks(self._files[member.part], member.entry)

    def digest(self, member: Member) -> bytes:
        """The SHA-256 of its bytes. Raises Unreadable."""
        digest = hashlib.sha256()
        for chunk in self.chunks(member):
            digest.update(chunk)
        return digest.digest()

    def text(self, member: Member) -> str:
        """The whole of it to the letter, but for a byte order mark. Raises Unreadable."""
        if member.size > MAX_TEXT:
            raise Unreadable(f"It has more than {MAX_TEXT:,} bytes.")
        try:
            return b"".join(self.chunks(member)).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"It is no UTF-8: byte {error.start:,} cannot be read.") from None

    def _select(self, condition: str, *values: str | int | None) -> Iterator[Member]:
        rows = self._index.execute(f"SELECT {_COLUMNS} FROM members {condition}", values)  # noqa: S608
        for part, path, size, *rest in rows:
            yield Member(path, size, part, Entry(path, size, *rest))

    def _add(self, name: str, file: IO[bytes], *, is_part: bool, is_nested: bool = False) -> None:
        entries = _reader_of(file)
        if entries is None:
            if is_part:
                raise Broken(f"{name} is damaged: it is no zip file and no tar file.")
            raise UnknownFormat(f"{name} is no JSON lines, no zip file and no tar file.")
        part = len(self.parts)
        if part == MAX_PARTS:
            raise TooLarge(f"An upload may have {MAX_PARTS} packed files at most.")
        self.parts.append(name)
        self._files.append(file)
        try:
            for entry in entries(file):
                self._insert(part, entry)
        except Broken as error:
            raise Broken(f"{name}: {error}") from None
        if not is_nested and self._holds_zips_alone(part):
            for member in self._select("WHERE part = ? AND copies > 1", part):
                # Each is an archive: of what the one before has, nothing could be said.
                raise Broken(f"{member.path} is there twice in {name}.")
            self.holders.add(part)
            packed = self._select("WHERE part = ? ORDER BY number LIMIT ?", part, MAX_PARTS)
            for member in list(packed):
                self._add(member.path, self._unpacked(member), is_part=True, is_nested=True)
            self._index.execute("DELETE FROM members WHERE part = ?", [part])

    def _insert(self, part: int, entry: Entry) -> None:
        path = _safe(entry.path)
        if _JUNK.fullmatch(path):
            return
        self._left -= entry.size
        self._count += 1
        if self._left < 0 or self._count > MAX_MEMBERS:
            raise TooLarge("Unpacked, the upload has more bytes or more files than are taken.")
        values = (entry.size, entry.offset, entry.packed, entry.method, entry.checksum)
        self._index.execute(_INSERT, (part, path, *values))

    def _holds_zips_alone(self, part: int) -> bool:
        question = (
            "SELECT count(*) FILTER (WHERE lower(path) NOT LIKE '%.zip'), count(*)"
            " FROM members WHERE part = ?"
        )
        others, count = self._index.execute(question, [part]).fetchone()
        return bool(count) and not others

    def _unpacked(self, member: Member) -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115
        self._stack.callback(file.close)
        try:
            for chunk in self.chunks(member):
                file.write(chunk)
        except Unreadable:
            raise Broken(f"{member.path} is damaged.") from None
        return file


def _reader_of(file: IO[bytes]) -> Callable[[IO[bytes]], Iterator[Entry]] | None:
    """What reads its directory; None where it is nothing packed."""
    file.seek(0)
    start = file.read(512)
    if start.startswith(zips.MAGIC):
        return zips.entries
    return tars.entries if tars.is_tar(start) else None


def _safe(path: str) -> str:
    """Raises Broken where it leads out of the archive, or is no path."""
    normal = _normal(path.replace("\\", "/"))
    if normal.startswith("/") or _DRIVE.match(normal) or ".." in normal.split("/"):
        raise Broken(f"{path!a} leads out of the archive.")
    if not normal or any(unicodedata.category(character) == "Cc" for character in normal):
        raise Broken(f"{path!a} is no name of a file.")
    return normal.removeprefix("./")


def _normal(path: str) -> str:
    return unicodedata.normalize("NFC", path)
