"""Reading zip files whose maker is not trusted (APPNOTE 6.3.10), one entry at a time.

`zipfile` holds the whole directory in memory, half a kilobyte for each member.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from transfer.errors import Broken, Unreadable

MAGIC = b"PK\x03\x04", b"PK\x05\x06"
STORED, DEFLATED = 0, 8
CHUNK = 64 * 1024
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_CUT_OFF = "The zip file is cut off or damaged."
_SPLIT = "The zip file is one part of several, and the others are missing. Join them first."
# Encrypted, patched, strongly encrypted, a masked directory.
_UNREADABLE_FLAGS = 0x1 | 0x20 | 0x40 | 0x2000
_UTF8_NAME = 0x800
_MADE_ON_UNIX = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a zip or tar file.

    Args:
        offset: of its header in a zip file, of its bytes in a tar file.
        packed: how many bytes it takes there.
        checksum: its CRC-32; None in a tar file, which has none.
    """

    path: str
    size: int
    offset: int
    packed: int
    method: int = STORED
    checksum: int | None = None


def entries(file: IO[bytes]) -> Iterator[Entry]:
    """All files in the order of the directory. Raises Broken."""
    length = file.seek(0, 2)
    count, size, start, end = _find_directory(file, length)
    if start + size != end:
        raise Broken(_CUT_OFF)
    taken, position = 0, start
    for _ in range(count):
        file.seek(position)
        fields = _unpack(file, _ENTRY)
        if fields[0] != b"PK\x01\x02":
            raise Broken(_CUT_OFF)
        name_length, extra_length, comment_length = fields[10:13]
        name, extra = file.read(name_length), file.read(extra_length)
        position += _ENTRY.size + name_length + extra_length + comment_length
        entry = _read_entry(fields, name, extra)
        # Members that lie over each other make much out of little: then their sum is too large.
        taken += entry.packed + _LOCAL.size + name_length
        if position > end or max(taken, entry.offset) > start:
            raise Broken(_CUT_OFF)
        if not entry.path.endswith("/"):
            yield entry


def chunks(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    """The bytes of a file, never more than it is said to have. Raises Unreadable."""
    if entry.checksum is None:
        yield from _stored(file, entry.offset, entry.size)
        return
    file.seek(entry.offset)
    try:
        header = _unpack(file, _LOCAL)
    except Broken:
        raise Unreadable("It is damaged.") from None
    if header[0] != b"PK\x03\x04":
        raise Unreadable("It is damaged.")
    packed = _stored(file, entry.offset + _LOCAL.size + header[9] + header[10], entry.packed)
    count = checksum = 0
    for chunk in packed if entry.method == STORED else _inflated(packed):
        count += len(chunk)
        if count > entry.size:
            break
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    if (count, checksum) != (entry.size, entry.checksum):
        raise Unreadable("It is damaged.")


def _find_directory(file: IO[bytes], length: int) -> tuple[int, int, int, int]:
    """The number of entries, size and offset of the directory, and where the rest begins."""
    start = max(length - _END.size - 0xFFFF, 0)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    while place >= 0:
        fields = tail[place : place + _END.size]
        if len(fields) == _END.size:
            _, disk, first_disk, here, count, size, offset, comment = _END.unpack(fields)
            if place + _END.size + comment == len(tail):
                break
        place = tail.rfind(b"PK\x05\x06", 0, place)
    else:
        raise Broken(_CUT_OFF)
    end = start + place
    if end >= _LOCATOR_64.size:
        file.seek(end - _LOCATOR_64.size)
        signature, _, place_64, disks = _unpack(file, _LOCATOR_64)
        if signature == b"PK\x06\x07":
            if disks > 1:
                raise Broken(_SPLIT)
            if place_64 > end:
                raise Broken(_CUT_OFF)
            file.seek(place_64)
            fields_64 = _unpack(file, _END_64)
            if fields_64[0] != b"PK\x06\x06":
                raise Broken(_CUT_OFF)
            disk, first_disk, here, count, size, offset = fields_64[4:10]
            end = place_64
    if disk or first_disk or here != count:
        raise Broken(_SPLIT)
    return count, size, offset, end


def _read_entry(fields: tuple[Any, ...], raw_name: bytes, extra: bytes) -> Entry:
    made_by, flags, method, checksum, packed, size = fields[1], *fields[3:5], *fields[7:10]
    attributes, offset = fields[15:17]
    name = _decode(raw_name)
    if flags & _UNREADABLE_FLAGS:
        raise Broken(
            f"The zip file is encrypted: {name}. Unpack it, and pack it without a password."
        )
    if method not in (STORED, DEFLATED):
        raise Broken(f"{name} is compressed in a way that is not read here. Pack it with Deflate.")
    kind = stat.S_IFMT(attributes >> 16) if made_by >> 8 == _MADE_ON_UNIX else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Broken(f"{name} is a link or a device, not a file.")
    size, packed, offset = _with_zip64(extra, size, packed, offset)
    if method == STORED and size != packed:
        raise Broken(_CUT_OFF)
    return Entry(name, size, offset, packed, method, checksum)


def _decode(name: bytes) -> str:
    # Without the flag it should be code page 437, but macOS writes UTF-8 and does not set it.
    try:
        return name.decode()
    except UnicodeDecodeError:
        shown = name.decode("ascii", "backslashreplace")
        raise Broken(f"The name of {shown} is no UTF-8. Pack it with a newer program.") from None


def _with_zip64(extra: bytes, *values: int) -> Iterator[int]:
    """Of each value, what the extra field 1 has in its place where it does not fit (4.5.3)."""
    large = b""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            large = extra[4 : 4 + length]
        extra = extra[4 + length :]
    for value in values:
        if value == 0xFFFFFFFF:
            if len(large) < 8:
                raise Broken(_CUT_OFF)
            value, large = int.from_bytes(large[:8], "little"), large[8:]
        yield value


def _stored(file: IO[bytes], offset: int, size: int) -> Iterator[bytes]:
    while size:
        # Others read from the file between two chunks.
        file.seek(offset)
        chunk = file.read(min(size, CHUNK))
        if not chunk:
            raise Unreadable("It is cut off.")
        offset, size = offset + len(chunk), size - len(chunk)
        yield chunk


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in packed:
            while chunk and not inflate.eof:
                yield inflate.decompress(chunk, CHUNK)
                chunk = inflate.unconsumed_tail
        # What it still holds back of the last chunk.
        while rest := inflate.decompress(inflate.unconsumed_tail, CHUNK):
            yield rest
    except zlib.error:
        raise Unreadable("It is damaged.") from None


def _unpack(file: IO[bytes], form: struct.Struct) -> tuple[Any, ...]:
    data = file.read(form.size)
    if len(data) < form.size:
        raise Broken(_CUT_OFF)
    return form.unpack(data)
