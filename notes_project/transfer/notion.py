"""Reading Notion's "Markdown & CSV" export: pages, databases, and links between them.

A page becomes a note with the page's Markdown as its text, to the letter but for the title, which
is the note's, and for links to other pages, which lead to their notes.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from transfer.archive import Archive, Member
from transfer.errors import Broken, UnknownFormat, Unreadable
from transfer.foreign import LinkList, files_lost, tags_of, targets_lost, title_of
from transfer.items import Address, Item, Lost, Refused
from transfer.links import path_of, rewritten, rewritten_relations
from transfer.notion_index import Index
from transfer.notion_paths import ALL_ROWS, PAGE, TABLE, key_of, split_name
from transfer.notion_tables import load, notes_of
from transfer.notion_text import properties_of, split_title

FORMAT = "notion"
_PART = re.compile(r"(Export(?:Block)?-[^/_]*)-Part-(\d{1,4})(?: ?\(\d+\))?\.zip", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://(?:[\w-]+\.)*notion\.(?:so|site)/([^?#]*)")
_ID_AT_END = re.compile(r"[0-9a-f]{32}\Z")
_HTML = ".html"


def is_export(archive: Archive) -> bool:
    """Whether a file has a name as Notion gives them."""
    for member in archive:
        stem, ending = posixpath.splitext(member.path)
        if ending.lower() in (PAGE, TABLE, _HTML):
            _, identifier = split_name(posixpath.basename(stem.removesuffix(ALL_ROWS)))
            if identifier:
                return True
    return any(_PART.search(name) for name in archive.parts)


def read(archive: Archive, address: Address) -> Iterator[Item | Refused | Lost]:
    """Pages first, then databases. Raises Broken, UnknownFormat before the first."""
    _check_parts(archive)
    with Index() as index:
        for member in archive:
            index.add(member)
        if index.is_empty():
            raise UnknownFormat(
                "This is no Notion export of Markdown & CSV. Export again, and choose that format."
            )
        for member in archive:
            if member.path.lower().endswith(PAGE) and index.is_first(member):
                yield from _page(archive, member, index, address)
        yield from _tables(archive, index, address)


def _check_parts(archive: Archive) -> None:
    """Raises Broken where one of several parts is not there, or twice: then another was meant."""
    there: dict[str, Counter[int]] = {}
    for part, file_name in enumerate(archive.parts):
        match = _PART.search(file_name)
        if match:
            # What holds the parts may have the name of one.
            there.setdefault(match[1], Counter())[int(match[2])] += part not in archive.holders
    for name, counts in there.items():
        missing = [number for number in range(1, max(counts)) if number not in counts]
        if missing:
            parts = _named(name, missing)
            raise Broken(f"Missing of this export: {parts}. Send all of its parts together.")
        twice = [number for number, count in counts.items() if count > 1]
        if twice:
            raise Broken(f"There twice: {_named(name, twice)}. Send each part once.")


def _named(name: str, numbers: list[int]) -> str:
    return ", ".join(f"{name}-Part-{number}.zip" for number in numbers[:5])


@dataclass(slots=True)
class _Links:
    """Where the links of one page or table lead, and what is found on the way."""

    archive: Archive
    index: Index
    address: Address
    folder: str
    linked: set[str] = field(default_factory=set)
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __call__(self, target: str) -> str | None:
        online = _ADDRESS.match(target)
        if online:
            found = _ID_AT_END.search(online[1].replace("-", ""))
            key = f"notion:{found[0]}" if found else ""
            return self.address(key) if self.index.has(key) else None
        path = path_of(target, self.folder)
        if path is None:
            return None
        key = key_of(path)
        if path.lower().endswith((PAGE, TABLE)) and self.index.has(key):
            self.linked.add(key)
            return self.address(key)
        name = posixpath.basename(path)
        title, identifier = split_name(posixpath.splitext(name)[0].removesuffix(ALL_ROWS))
        if identifier and name.endswith((PAGE, TABLE)):
            self.missing.append(title)
        elif self.archive.find(path):
            self.files.append(name)
        return None

    def lost(self, source: str) -> list[Lost]:
        return files_lost(source, self.files) + targets_lost(source, self.missing)


def _page(
    archive: Archive, member: Member, index: Index, address: Address
) -> Iterator[Item | Refused | Lost]:
    try:
        page = archive.text(member)
    except Unreadable as error:
        yield Refused(member.path, str(error))
        return
    folder, name = posixpath.split(member.path)
    title, text = split_title(page)
    title = title_of(title, split_name(name[: -len(PAGE)])[0])
    key = key_of(member.path)
    properties = properties_of(text)
    index.entitle(key, title, properties.names)
    tags, lost = tags_of(member.path, properties.tags)
    links = _Links(archive, index, address, folder)
    text = rewritten_relations(rewritten(text, links), links)
    children = _children(text, member.path, index, links)
    times = properties.created_at, properties.updated_at
    yield Item(member.path, key, title, str(children) or None, tags, False, *times)
    yield from lost + links.lost(member.path) + children.lost(member.path)


def _children(text: str, path: str, index: Index, links: _Links) -> LinkList:
    """The text, and after it a list of the pages below this one that it does not link to."""
    unlinked = ((key, title) for key, title in index.children(path) if key not in links.linked)
    first = next(unlinked, None)
    if first is None:
        return LinkList(text)
    children = LinkList(f"{text.rstrip()}\n\n" if text.strip() else "")
    for key, title in (first, *unlinked):
        children.add(title_of(title), links.address(key))
    return children


def _tables(archive: Archive, index: Index, address: Address) -> Iterator[Item | Refused | Lost]:
    for table in index.tables():
        member = archive.find(table.path)
        refused = member and load(archive, member, index, table)
        if refused:
            yield refused
    for table in index.tables():
        links = _Links(archive, index, address, posixpath.dirname(table.path))
        yield from notes_of(index, table, address, links)
        yield from links.lost(table.path)
