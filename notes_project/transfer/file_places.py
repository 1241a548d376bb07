"""The files of a folder by the end of their path, as wiki links name them."""

from __future__ import annotations

import posixpath
import unicodedata

from transfer.scratch import scratch

NOTE_ENDINGS = (".md", ".markdown", ".html")
_SCHEMA = "CREATE TABLE places (place TEXT, path TEXT, PRIMARY KEY (place, path)) WITHOUT ROWID;"
# Which have this place or, as "/" and "0" are neighbours, are in folders of it.
_FIND = """
SELECT path FROM places WHERE place = ?1
UNION ALL SELECT path FROM places WHERE place > ?1 || '/' AND place < ?1 || '0' LIMIT 2
"""


class FilePlaces:
    """On the disk, for there may be millions; to be closed."""

    def __init__(self) -> None:
        self._db = scratch(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def add(self, path: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO places VALUES (?, ?)", (_place(path), path))

    def find(self, name: str, *folders: str) -> list[str]:
        """The path of the file of this name: in the first folder that has it, else anywhere.

        It gives an empty list where there is no such file, and two paths where there are several.

        Args:
            name: with or without a note's ending, and with as many folders as tell it from others.
        """
        name = name.lstrip("/")
        for folder in folders:
            question = "SELECT path FROM places WHERE place = ?"
            row = self._db.execute(question, [_place(posixpath.join(folder, name))]).fetchone()
            if row:
                return [row[0]]
        return [path for (path,) in self._db.execute(_FIND, [_place(name)])]


def _place(path: str) -> str:
    """The path from its end, for an index: `b/a` of `a/B.md`."""
    parts = posixpath.normpath(unicodedata.normalize("NFC", path).casefold()).split("/")
    stem, ending = posixpath.splitext(parts.pop())
    name = stem if ending in NOTE_ENDINGS else stem + ending
    return "/".join([name, *reversed(parts)])
