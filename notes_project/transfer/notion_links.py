"""Where the links of a Notion export lead."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import partial

from transfer.archive import Archive
from transfer.foreign import files_lost, targets_lost
from transfer.items import Address, Lost, Relink
from transfer.links import path_of, rewritten, rewritten_relations
from transfer.notion_index import Index
from transfer.notion_paths import ALL_ROWS, PAGE, TABLE, key_of, split_name

_ADDRESS = re.compile(r"https?://(?:[\w-]+\.)*notion\.(?:so|site)/([^?#]*)")
_ID_AT_END = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(slots=True)
class Links:
    """Those of one page or table, and what is found on the way."""

    archive: Archive
    index: Index
    address: Address
    folder: str
    linked: set[str] = field(default_factory=set)
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def rewritten(self, text: str) -> str:
        return rewritten_relations(rewritten(text, self._resolve), self._resolve)

    @property
    def relink(self) -> Relink:
        return partial(_relinked, self.archive, self.index, self.folder)

    def lost(self, source: str) -> list[Lost]:
        return files_lost(source, self.files) + targets_lost(source, self.missing)

    def _resolve(self, target: str) -> str | None:
        online = _ADDRESS.match(target)
        if online:
            found = _ID_AT_END.search(online[1].replace("-", ""))
            key = f"notion:{found[0]}" if found else ""
            address = self.address(key) if found else None
            if address is None and self.index.has(key):
                self.missing.append(online[1])
            return address
        path = path_of(target, self.folder)
        if path is None:
            return None
        name = posixpath.basename(path)
        title, identifier = split_name(posixpath.splitext(name)[0].removesuffix(ALL_ROWS))
        key = key_of(path)
        if path.lower().endswith((PAGE, TABLE)) and (identifier or self.index.has(key)):
            address = self.address(key)
            if address:
                self.linked.add(key)
            else:
                self.missing.append(title)
            return address
        if self.archive.find(path):
            self.files.append(name)
            self.index.linked_files.add(path)
        return None


def _relinked(archive: Archive, index: Index, folder: str, text: str, address: Address) -> str:
    return Links(archive, index, address, folder).rewritten(text)
