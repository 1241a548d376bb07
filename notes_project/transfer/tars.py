"""Reading tar files whose maker is not trusted (POSIX.1-2017, pax, and GNU's long names).

`tarfile` takes a header of any length into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from transfer.errors import Broken
from transfer.zips import Entry

_BLOCK = 512
_MAX_HEADER = 64 * 1024
_FILES = b"0", b"\0", b"7"
_FOLDER, _PAX, _GLOBAL, _LONG_NAME, _LONG_LINK = b"5", b"x", b"g", b"L", b"K"
_CUT_OFF = "The tar file is cut off or damaged."


def is_tar(start: bytes) -> bool:
    """Whether a file that begins so is one; an old one without `ustar` in it is not read here."""
    return start[257:262] == b"ustar" and _checksum_fits(start[:_BLOCK])


def entries(file: IO[bytes]) -> Iterator[Entry]:
    """All files in their order. Raises Broken."""
    length, position = file.seek(0, 2), 0
    path: str | None = None
    size: int | None = None
    while position <= length:
        file.seek(position)
        header = file.read(_BLOCK)
        if header == bytes(_BLOCK):
            return
        if len(header) < _BLOCK or not _checksum_fits(header):
            raise Broken(_CUT_OFF)
        kind, stated = header[156:157], _number(header[124:136])
        name = path or _name(header)
        position += _BLOCK
        if kind in (_PAX, _GLOBAL, _LONG_NAME, _LONG_LINK):
            if stated > _MAX_HEADER:
                raise Broken(f"A header of {name} is too long.")
            data = file.read(stated)
            if kind == _PAX:
                records = _records(data)
                path, size = records.get("path", path), _size_of(records, size)
            elif kind == _LONG_NAME:
                path = _text(data.rstrip(b"\0"))
        else:
            stated = stated if size is None else size
            if kind in _FILES:
                yield Entry(name, stated, position, stated)
            elif kind != _FOLDER:
                raise Broken(f"{name} is a link or a device, not a file.")
            path = size = None
        position += -(-stated // _BLOCK) * _BLOCK
    raise Broken(_CUT_OFF)


def _checksum_fits(header: bytes) -> bool:
    try:
        stated = int(header[148:156].strip(b" \0"), 8)
    except ValueError:
        return False
    return stated == sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _number(field: bytes) -> int:
    if field[0] == 0x80:  # GNU's for large ones
        return int.from_bytes(field[1:], "big")
    try:
        number = int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise Broken(_CUT_OFF) from None
    if number < 0:
        raise Broken(_CUT_OFF)
    return number


def _name(header: bytes) -> str:
    name, prefix = (field.split(b"\0", 1)[0] for field in (header[:100], header[345:500]))
    is_posix = header[257:263] == b"ustar\0"
    return _text(prefix + b"/" + name if is_posix and prefix else name)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        shown = name.decode("ascii", "backslashreplace")
        raise Broken(f"The name of {shown} is no UTF-8.") from None


def _records(data: bytes) -> dict[str, str]:
    """Of a pax header: lines of their length, a blank, name=value."""
    records = {}
    while data.strip(b"\0"):
        length, blank, _ = data.partition(b" ")
        if not blank or not length.isdigit() or not len(length) < int(length) <= len(data):
            raise Broken(_CUT_OFF)
        name, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        if name in (b"path", b"size"):
            records[name.decode()] = _text(value)
        data = data[int(length) :]
    return records


def _size_of(records: dict[str, str], before: int | None) -> int | None:
    text = records.get("size")
    if text is None:
        return before
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Broken(_CUT_OFF)
    return int(text)
