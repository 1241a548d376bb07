"""Reading an export without a database of notes."""

from __future__ import annotations

import io
from typing import Any

from transfer.archive import Archive
from transfer.items import Item, Lost, Refused

MAX_UNPACKED = 1024**3


def address(key: str) -> str:
    return f"/at/{key}"


class Result:
    """What came of an export, by the titles of the notes."""

    def __init__(self, reader: Any, *files: bytes, name: str = "upload.zip") -> None:
        uploads = [(name, io.BytesIO(file)) for file in files]
        with Archive(uploads, max_unpacked=MAX_UNPACKED) as archive:
            assert any(reader.is_export(archive, part) for part in range(len(archive.parts)))
            read = reader.read(archive)
            keys = {each.key for each in read(address) if isinstance(each, Item)}
            self.all = list(read(lambda key: address(key) if key in keys else None))
        self.items = [each for each in self.all if isinstance(each, Item)]
        self.refused = {each.source: each.reason for each in self.all if isinstance(each, Refused)}
        self.lost = [each for each in self.all if isinstance(each, Lost)]
        self.titles = [item.title for item in self.items]

    def __getitem__(self, title: str) -> Item:
        [item] = [item for item in self.items if item.title == title]
        return item

    @property
    def reasons(self) -> list[str]:
        return [each.reason for each in self.lost]
