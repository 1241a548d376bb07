"""Links between the files of a packed folder of Markdown files."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import partial

from transfer.archive import Archive
from transfer.file_places import NOTE_ENDINGS, FilePlaces
from transfer.foreign import files_lost, shown, targets_lost
from transfer.items import Address, Lost, Relink
from transfer.links import SCHEME, path_of, rewritten, rewritten_wiki

# What Joplin adds: attached files, and icons of notebooks.
ADDED = re.compile(r"(.*/)?(_resources/.*|_notebook\.yml|_folder_icon\.[^/]*)", re.DOTALL)


def is_note(path: str) -> bool:
    return path.lower().endswith(NOTE_ENDINGS) and not ADDED.fullmatch(path)


def key_of(path: str, root: str) -> str:
    return f"markdown:{path.removeprefix(root)}"


@dataclass(slots=True)
class Links:
    """Where the links of one file lead, and what is found on the way.

    Args:
        root, folder: the folder that was packed, with a slash at its end, and that of the file.
    """

    archive: Archive
    places: FilePlaces
    root: str
    folder: str
    address: Address
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def rewritten(self, text: str) -> str:
        return rewritten_wiki(rewritten(text, self._resolve), self._resolve_name)

    @property
    def relink(self) -> Relink:
        return partial(_relinked, self.archive, self.places, self.root, self.folder)

    def lost(self, source: str) -> list[Lost]:
        lost = files_lost(source, self.files) + targets_lost(source, self.missing)
        if self.unclear:
            names = shown(self.unclear)
            reason = f"Several files have the name that it links to; the links stay: {names}."
            lost.append(Lost(source, reason))
        return lost

    def _resolve(self, target: str) -> str | None:
        path = path_of(target, self.folder)
        if path is None:
            if is_note(target.partition("#")[0]) and not SCHEME.match(target):
                self.missing.append(target)
            return None
        name = posixpath.basename(path)
        if is_note(path):
            return self._note(path, name)
        if self.archive.find(path):
            self.files.append(name)
        return None

    def _resolve_name(self, name: str) -> str | None:
        paths = self.places.find(name, self.folder, self.root)
        if len(paths) > 1:
            self.unclear.append(name)
            return None
        # Beside this file, where it may come later.
        [path] = paths or [f"{posixpath.join(self.folder, name)}.md"]
        if is_note(path):
            return self._note(path, name)
        self.files.append(posixpath.basename(path))
        return None

    def _note(self, path: str, name: str) -> str | None:
        address = self.address(key_of(path, self.root))
        if address is None:
            self.missing.append(name)
        return address


def _relinked(
    archive: Archive, places: FilePlaces, root: str, folder: str, text: str, address: Address
) -> str:
    return Links(archive, places, root, folder, address).rewritten(text)
