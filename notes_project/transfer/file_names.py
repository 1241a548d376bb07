"""Names of files that every system takes, each given once. The names given are kept on the disk."""

from __future__ import annotations

import re
import unicodedata

from notes.models import DEFAULT_TITLE
from transfer.scratch import scratch

MAX_BYTES = 200
# Windows takes none of these, and no name that ends with a dot or a blank.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029]')
_RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL
)


class FileNames:
    """To be closed."""

    def __init__(self) -> None:
        self._given = scratch("CREATE TABLE names (name PRIMARY KEY, next INTEGER) WITHOUT ROWID")

    def close(self) -> None:
        self._given.close()

    def give(self, title: str) -> str:
        """A name without its ending, like the title: another one each time, in any letter case."""
        base = safe(title)
        name = base
        while not self._take(name):
            name = f"{base} {self._next(base)}"
        return name

    def _take(self, name: str) -> bool:
        statement = "INSERT OR IGNORE INTO names VALUES (?, 2)"
        return self._given.execute(statement, [_key(name)]).rowcount == 1

    def _next(self, base: str) -> int:
        statement = "UPDATE names SET next = next + 1 WHERE name = ? RETURNING next - 1"
        return int(self._given.execute(statement, [_key(base)]).fetchone()[0])


def safe(title: str) -> str:
    name = unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", title))
    name = " ".join(name.split()).lstrip(". ")
    name = name.encode()[:MAX_BYTES].decode(errors="ignore").rstrip(". ") or DEFAULT_TITLE
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
