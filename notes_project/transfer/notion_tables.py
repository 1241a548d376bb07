"""The databases of a Notion export: each becomes a list of its rows, and each row a note."""

from __future__ import annotations

import codecs
import csv
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from transfer.archive import Archive, Member
from transfer.errors import Unreadable
from transfer.foreign import LinkList, shown, tags_of, times_lost, title_of
from transfer.items import Item, Lost, Refused
from transfer.notion_index import Index, Row, Table
from transfer.notion_links import Links
from transfer.notion_text import as_properties

MAX_ROW = 1024 * 1024
"""Characters of one row of a CSV file; a note has room for no more."""
_MAX_CANDIDATES, _MAX_LIKE = 8, 10


@dataclass(slots=True)
class _Lines:
    """The lines of a CSV file. Raises Unreadable where a row is longer than a note could be."""

    archive: Archive
    member: Member
    taken: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[str]:
        rest = ""
        try:
            for piece in codecs.iterdecode(self.archive.chunks(self.member), "utf-8-sig"):
                *lines, rest = (rest + piece).split("\n")
                for line in lines:
                    yield self._counted(line + "\n")
                self._check(len(rest))
        except UnicodeDecodeError:
            raise Unreadable("It is no UTF-8.") from None
        yield self._counted(rest)

    def _counted(self, line: str) -> str:
        self.taken += len(line)
        self._check(0)
        return line

    def _check(self, more: int) -> None:
        if self.taken + more > MAX_ROW:
            raise Unreadable(f"A row has more than {MAX_ROW:,} characters.")


def load(archive: Archive, member: Member, index: Index, table: Table) -> Refused | None:
    """Takes the rows into the index, up to the first that cannot be read."""
    lines = _Lines(archive, member)
    records = csv.reader(lines)
    header: list[str] | None = None
    try:
        for record in records:
            lines.taken = 0
            if header is None:
                header = record
                index.set_header(table, header)
            elif any(cell.strip() for cell in record):
                index.add_row(table, records.line_num, record)
    except (csv.Error, Unreadable) as error:
        place = f"{table.path}:{records.line_num + 1}"
        return Refused(place, f"The rows from here on cannot be read. {error}")
    return None


def settle(index: Index, table: Table) -> None:
    """Finds the note that each row is. Those of a view are its database's."""
    view = None if table.is_whole else _view(index, table)
    origin = view.database if view else table
    makes_notes = _makes_notes(index, origin)
    for row in index.rows(table):
        of_origin = view.row_like(row) if view else row
        if of_origin and (of_origin.page or makes_notes):
            index.set_target(row, of_origin.page or _key(origin, of_origin))


def notes_of(index: Index, table: Table, links: Links) -> Iterator[Item | Lost]:
    """The list, and the rows that have no page of their own."""
    children, header = LinkList(), index.header(table)
    for row in index.rows(table):
        address = links.address(row.target) if row.target else None
        if address:
            children.add(title_of(row.title), address)
        if row.target == _key(table, row):
            item, lost = _note(header, table, row, links)
            yield replace(item, earlier=earlier_of(item.key, links))
            yield from lost
        extra = shown(filter(None, row.cells[len(header) :]))
        if extra:
            reason = f"The row has more cells than the table's header; left out: {extra}."
            yield Lost(f"{table.path}:{row.line}", reason)
    for key, title in index.pages_without_row(table):
        address = links.address(key)
        if address:
            children.add(title_of(title), address)
    if not index.has_page(table.key):
        content = str(children) or None
        yield Item(table.path, table.key, title_of(table.title), content, relink=links.relink)
        yield from children.lost(table.path)


def earlier_of(key: str, links: Links) -> tuple[Item, ...]:
    """What was made of a page's rows, or of a row's in views, as long as that was missing."""
    items = []
    for table, row in links.index.rows_of(key):
        if _key(table, row) != key:
            folder = posixpath.dirname(table.path)
            of_table = Links(links.archive, links.index, links.address, folder)
            items.append(_note(links.index.header(table), table, row, of_table)[0])
    return tuple(items)


def _makes_notes(index: Index, table: Table) -> bool:
    """Whether rows without a page become notes.

    A title may be written in another way in a page than in the table. As long as there are pages
    left for all rows that are left, these are those.
    """
    spare = sum(1 for _ in index.pages_without_row(table))
    return index.rows_without_page(table) > spare


def _key(table: Table, row: Row) -> str:
    return f"{table.key}:{row.nth}:{row.title}"


def _note(header: list[str], table: Table, row: Row, links: Links) -> tuple[Item, list[Lost]]:
    """As Notion writes a page of a row: a line for each property."""
    source = f"{table.path}:{row.line}"
    pairs = [pair for pair in zip(header[1:], row.cells[1:], strict=False) if pair[1]]
    text = "".join(f"{name}: {value}\n" for name, value in pairs)
    properties = as_properties(pairs)
    tags, lost = tags_of(source, properties.tags)
    item = Item(
        source,
        _key(table, row),
        title_of(row.cells[0]),
        links.rewritten(text) or None,
        tags,
        created_at=properties.created_at,
        updated_at=properties.updated_at,
        relink=links.relink,
    )
    return item, lost + times_lost(source, properties.unread)


@dataclass(frozen=True, slots=True)
class _View:
    """A CSV file with some rows and some columns of a database that the export has as well."""

    index: Index
    database: Table
    places: tuple[int, ...]

    def row_like(self, row: Row) -> Row | None:
        """The row of the database that this one of the view is."""
        for other in self.index.rows_like(self.database.number, row.title, _MAX_LIKE):
            cells = [other.cells[place] for place in self.places if place < len(other.cells)]
            if tuple(cells) == row.cells:
                return other
        return None


def _view(index: Index, table: Table) -> _View | None:
    """What the table is a view of, if all of its rows are in a database."""
    first = next(index.rows(table), None)
    header = index.header(table)
    for database in index.tables_with(first.title, _MAX_CANDIDATES) if first else ():
        columns = index.header(database)
        if set(header) <= set(columns):
            view = _View(index, database, tuple(columns.index(name) for name in header))
            if all(view.row_like(row) for row in index.rows(table)):
                return view
    return None
