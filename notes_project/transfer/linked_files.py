"""Which attached files the report names with the notes that link to them."""

from __future__ import annotations

from transfer.scratch import scratch


class LinkedFiles:
    """On the disk, for there may be millions; to be closed."""

    def __init__(self) -> None:
        self._db = scratch("CREATE TABLE linked (file TEXT PRIMARY KEY) WITHOUT ROWID")

    def close(self) -> None:
        self._db.close()

    def add(self, file: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO linked VALUES (?)", [file])

    def __contains__(self, file: str) -> bool:
        found = self._db.execute("SELECT 1 FROM linked WHERE file = ?", [file])
        return found.fetchone() is not None
