"""Which pages and tables a Notion export has: on the disk, for there may be millions."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from transfer.archive import Member
from transfer.items import Refused
from transfer.linked_files import LinkedFiles
from transfer.notion_paths import ALL_ROWS, PAGE, TABLE, folders_of, key_of, split_name
from transfer.notion_text import comparable
from transfer.scratch import scratch

_MAX_LIKE = 10
_SCHEMA = """
CREATE TABLE pages (
    number INTEGER PRIMARY KEY, key TEXT UNIQUE, path TEXT, part INTEGER,
    folder TEXT, title TEXT, properties TEXT DEFAULT '[]', is_row INTEGER DEFAULT 0
);
CREATE INDEX pages_titles ON pages (folder, is_row, title);
CREATE TABLE tables (
    number INTEGER PRIMARY KEY, key TEXT UNIQUE, path TEXT, part INTEGER,
    folder TEXT, title TEXT, is_whole INTEGER, header TEXT DEFAULT '[]'
);
CREATE INDEX tables_folders ON tables (folder);
CREATE TABLE rows (
    number INTEGER PRIMARY KEY, of_table INTEGER, line INTEGER, title TEXT, nth INTEGER,
    cells TEXT, page TEXT, target TEXT
);
CREATE INDEX rows_titles ON rows (title, of_table, nth);
CREATE INDEX rows_pages ON rows (of_table, page);
CREATE INDEX rows_targets ON rows (target);
CREATE TABLE refused (source TEXT, reason TEXT);
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A database of Notion's, or one view of it: a CSV file, and a folder with a page for each row.

    Args:
        is_whole: its rows are those of the database, whatever a view hides.
    """

    number: int
    key: str
    path: str
    part: int
    title: str
    is_whole: bool

    @property
    def folders(self) -> tuple[str, str]:
        """Where the pages of its rows are: newer exports leave the id out."""
        return folders_of(self.path)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table.

    Args:
        nth: which of the rows of this title it is, from 1.
        page: the key of the page that is this row.
        target: the key of the note that it is, once that is settled.
    """

    number: int
    line: int
    title: str
    nth: int
    cells: tuple[str, ...]
    page: str | None
    target: str | None


class Index:
    """To be closed after use."""

    def __init__(self) -> None:
        self._db = scratch(_SCHEMA)
        self.linked_files = LinkedFiles()
        # One row after the other asks for it.
        self.header = lru_cache(_MAX_LIKE)(self._header)

    def close(self) -> None:
        self._db.close()
        self.linked_files.close()

    def add(self, member: Member) -> None:
        stem, ending = posixpath.splitext(member.path)
        if ending.lower() not in (PAGE, TABLE):
            return
        is_whole = ending.lower() == TABLE and stem.endswith(ALL_ROWS)
        name = posixpath.basename(stem.removesuffix(ALL_ROWS) if is_whole else stem)
        title, identifier = split_name(name)
        place = (key_of(member.path), member.path, member.part, posixpath.dirname(member.path))
        if ending.lower() == PAGE:
            question = (
                "INSERT OR IGNORE INTO pages (key, path, part, folder, title)"
                " VALUES (?, ?, ?, ?, ?)"
            )
            self._db.execute(question, (*place, title))
        elif identifier:  # A table that was attached to a page has no id.
            # Of the two files of a database the one with all rows counts.
            question = (
                "INSERT INTO tables (key, path, part, folder, title, is_whole)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " path = excluded.path, part = excluded.part, is_whole = excluded.is_whole"
                " WHERE excluded.is_whole > is_whole"
            )
            self._db.execute(question, (*place, title, is_whole))

    def has_pages(self) -> bool:
        return self._value("SELECT 1 FROM pages LIMIT 1") is not None

    def has_tables(self) -> bool:
        return self._value("SELECT 1 FROM tables LIMIT 1") is not None

    def has(self, key: str) -> bool:
        question = "SELECT 1 FROM pages WHERE key = ? UNION ALL SELECT 1 FROM tables WHERE key = ?"
        return self._value(question, key, key) is not None

    def has_page(self, key: str) -> bool:
        return self._value("SELECT 1 FROM pages WHERE key = ?", key) is not None

    def taken_from(self, member: Member) -> tuple[str, int] | None:
        """Path and part of the file that the page or table of this one is read from.

        None for other files.
        """
        ending = posixpath.splitext(member.path)[1].lower()
        names = {PAGE: "pages", TABLE: "tables"}
        if ending not in names:
            return None
        question = f"SELECT path, part FROM {names[ending]} WHERE key = ?"  # noqa: S608
        place: tuple[str, int] | None = self._db.execute(
            question, (key_of(member.path),)
        ).fetchone()
        return place

    def entitle(self, key: str, title: str, properties: Sequence[str]) -> None:
        """Its whole title, which names of files have cut off, and the names of its properties."""
        self._db.execute(
            "UPDATE pages SET title = ?, properties = ? WHERE key = ?",
            (comparable(title), json.dumps(properties), key),
        )

    def children(self, path: str) -> Iterator[tuple[str, str]]:
        """Key and title of the pages and tables in the folder of a page."""
        question = (
            "SELECT key, title FROM pages WHERE folder IN (?, ?)"
            " UNION ALL SELECT key, title FROM tables WHERE folder IN (?, ?)"
        )
        yield from self._db.execute(question, folders_of(path) * 2)

    def tables(self) -> Iterator[Table]:
        """Databases first, then views."""
        yield from self._tables("true ORDER BY is_whole DESC, number")

    def set_header(self, table: Table, header: Sequence[str]) -> None:
        values = (json.dumps(header), table.number)
        self._db.execute("UPDATE tables SET header = ? WHERE number = ?", values)

    def _header(self, table: Table) -> list[str]:
        question = "SELECT header FROM tables WHERE number = ?"
        header: list[str] = json.loads(self._value(question, table.number))
        return header

    def add_row(self, table: Table, line: int, cells: Sequence[str]) -> None:
        """With the page of this title that no other row has."""
        title = comparable(cells[0])
        page = self._page_of(table, title or "Untitled", cells)
        self._db.execute("UPDATE pages SET is_row = 1 WHERE key = ?", (page,))
        last = self._value(
            "SELECT max(nth) FROM rows WHERE title = ? AND of_table = ?", title, table.number
        )
        self._db.execute(
            "INSERT INTO rows (of_table, line, title, nth, cells, page) VALUES (?, ?, ?, ?, ?, ?)",
            (table.number, line, title, (last or 0) + 1, json.dumps(cells), page),
        )

    def _page_of(self, table: Table, title: str, cells: Sequence[str]) -> str | None:
        """The key of a page in the table's folder.

        An export without folders has them all beside the table. There a page of this title is the
        row's if it has one of its properties, or the row has none.
        """
        condition = "SELECT key, properties FROM pages WHERE is_row = 0 AND title = ?"
        here = f"{condition} AND folder IN (?, ?) LIMIT 1"
        key: str
        for key, _ in self._db.execute(here, (title, *table.folders)):
            return key
        if self._value("SELECT 1 FROM pages WHERE folder IN (?, ?) LIMIT 1", *table.folders):
            return None
        header = self.header(table)
        has = {name for name, cell in zip(header[1:], cells[1:], strict=False) if cell}
        beside = f"{condition} AND folder = ? LIMIT {_MAX_LIKE}"
        for key, names in self._db.execute(beside, (title, posixpath.dirname(table.path))):
            if not has or has & set(json.loads(names)):
                return key
        return None

    def set_target(self, row: Row, key: str) -> None:
        self._db.execute("UPDATE rows SET target = ? WHERE number = ?", (key, row.number))

    def rows_of(self, target: str) -> Iterator[tuple[Table, Row]]:
        """The rows of this target, with their tables: that of the database, and of some views."""
        condition = "target = ? ORDER BY number LIMIT ?"
        for number, row in self._rows_with_table(condition, target, _MAX_LIKE):
            for table in self._tables("number = ?", number):
                yield table, row

    def refuse(self, refused: Refused) -> None:
        self._db.execute("INSERT INTO refused VALUES (?, ?)", (refused.source, refused.reason))

    def refused(self) -> Iterator[Refused]:
        for source, reason in self._db.execute("SELECT source, reason FROM refused"):
            yield Refused(source, reason)

    def rows(self, table: Table) -> Iterator[Row]:
        condition = "of_table = ? ORDER BY number"
        yield from self._rows(condition, table.number)

    def rows_like(self, number: int, title: str, limit: int) -> Iterator[Row]:
        """Of another table those of this title."""
        yield from self._rows("of_table = ? AND title = ? LIMIT ?", number, title, limit)

    def rows_without_page(self, table: Table) -> int:
        question = "SELECT count(*) FROM rows WHERE of_table = ? AND page IS NULL"
        count: int = self._value(question, table.number)
        return count

    def pages_without_row(self, table: Table) -> Iterator[tuple[str, str]]:
        """Key and title of those in its folder that no row has."""
        question = "SELECT key, title FROM pages WHERE folder IN (?, ?) AND is_row = 0"
        yield from self._db.execute(question, table.folders)

    def tables_with(self, title: str, limit: int) -> Iterator[Table]:
        """The databases that have a row of this title."""
        condition = "is_whole AND number IN (SELECT of_table FROM rows WHERE title = ?) LIMIT ?"
        yield from self._tables(condition, title, limit)

    def _tables(self, condition: str, *values: object) -> Iterator[Table]:
        fields = "number, key, path, part, title, is_whole"
        question = f"SELECT {fields} FROM tables WHERE {condition}"  # noqa: S608
        # At once: tables are changed while they are gone through.
        for number, key, path, part, title, is_whole in self._db.execute(
            question, values
        ).fetchall():
            yield Table(number, key, path, part, title, bool(is_whole))

    def _rows(self, condition: str, *values: object) -> Iterator[Row]:
        for _, row in self._rows_with_table(condition, *values):
            yield row

    def _rows_with_table(self, condition: str, *values: object) -> Iterator[tuple[int, Row]]:
        fields = "of_table, number, line, title, nth, cells, page, target"
        question = f"SELECT {fields} FROM rows WHERE {condition}"  # noqa: S608
        for table, number, line, title, nth, cells, *keys in self._db.execute(question, values):
            yield table, Row(number, line, title, nth, tuple(json.loads(cells)), *keys)

    def _value(self, question: str, *values: object) -> Any:
        row = self._db.execute(question, values).fetchone()
        return row and row[0]
