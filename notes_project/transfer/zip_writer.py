"""A zip file made while it is sent (APPNOTE 6.3.10). Its directory waits on the disk.

`zipfile` holds half a kilobyte of each member until the end.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime

from transfer.zips import CHUNK, DEFLATED

_LOCAL = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LARGE = struct.Struct("<2HQ")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_VERSION = 45  # the one that has Zip64
_MADE_ON_UNIX = 3 << 8
_UTF8_NAME = 0x800
_PLAIN_FILE = 0o100644 << 16
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF


class ZipWriter:
    """Gives the bytes to be sent; `end` is what makes them a zip file. To be closed."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryFile()  # noqa: SIM115
        self._count = self._position = 0

    def close(self) -> None:
        self._directory.close()

    def add(self, path: str, data: bytes, modified: datetime) -> bytes:
        """A file of less than 4 GB, with slashes in its path. The path has to be new."""
        name = path.encode()
        compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = compress.compress(data) + compress.flush()
        common = (_UTF8_NAME, DEFLATED, *_dos_time(modified), zlib.crc32(data), len(packed))
        header = _LOCAL.pack(b"PK\3\4", _VERSION, *common, len(data), len(name), 0) + name
        # Beyond 4 GB the offset is in an extra field.
        is_far = self._position >= _LONG
        extra = _LARGE.pack(1, 8, self._position) if is_far else b""
        offset = _LONG if is_far else self._position
        fields = (len(data), len(name), len(extra), 0, 0, 0, _PLAIN_FILE, offset)
        entry = _ENTRY.pack(b"PK\1\2", _MADE_ON_UNIX | _VERSION, _VERSION, *common, *fields)
        self._directory.write(entry + name + extra)
        self._count += 1
        self._position += len(header) + len(packed)
        return header + packed

    def end(self) -> Iterator[bytes]:
        """The directory. Nothing may be added afterwards."""
        size = self._directory.tell()
        self._directory.seek(0)
        while chunk := self._directory.read(CHUNK):
            yield chunk
        start, count = self._position, self._count
        rest = _END_64.size - 12
        yield _END_64.pack(
            b"PK\6\6", rest, _MADE_ON_UNIX | _VERSION, _VERSION, 0, 0, count, count, size, start
        )
        yield _LOCATOR_64.pack(b"PK\6\7", 0, start + size, 1)
        few = min(count, _SHORT)
        yield _END.pack(b"PK\5\6", 0, 0, few, few, min(size, _LONG), min(start, _LONG), 0)


def _dos_time(time: datetime) -> tuple[int, int]:
    """Time and date, from 1980 to 2107, in steps of two seconds."""
    if not 1980 <= time.year <= 2107:
        return 0, 1 << 5 | 1
    date = (time.year - 1980) << 9 | time.month << 5 | time.day
    return time.hour << 11 | time.minute << 5 | time.second // 2, date
