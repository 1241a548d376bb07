"""Reading Notion's "Markdown & CSV" export: pages, databases, and links between them.

A page becomes a note with the page's Markdown as its text, to the letter but for the title, which
is the note's, and for links to other pages, which lead to their notes.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial

from transfer.archive import Archive, Member
from transfer.errors import Broken, UnknownFormat, Unreadable
from transfer.foreign import LinkList, tags_of, times_lost, title_of
from transfer.items import Address, Item, Lost, Read, Refused
from transfer.notion_index import Index
from transfer.notion_links import Links
from transfer.notion_paths import ALL_ROWS, PAGE, TABLE, key_of, split_name
from transfer.notion_tables import earlier_of, load, notes_of, settle
from transfer.notion_text import Properties, properties_of, split_title

FORMAT = "notion"
_PART = re.compile(r"(Export(?:Block)?-[^/_]*)-Part-(\d{1,4})(?: ?\(\d+\))?\.zip", re.IGNORECASE)
_HTML = ".html"


def is_export(archive: Archive, part: int) -> bool:
    """Whether it, or a file in it, has a name as Notion gives them."""
    if part in archive.holders:
        return False
    members = archive.members(part)
    return bool(_PART.search(archive.parts[part])) or any(map(_has_id, members))


def read(archive: Archive) -> Read:
    """Pages first, then databases. Raises Broken, UnknownFormat."""
    _check_parts(archive)
    index = Index()
    archive.on_close(index.close)
    is_html = False
    for member in archive:
        index.add(member)
        is_html = is_html or (member.path.lower().endswith(_HTML) and _has_id(member))
    # One of HTML has tables as well, and in them nothing of what is in the pages.
    if not index.has_pages() and (is_html or not index.has_tables()):
        raise UnknownFormat(
            "This is no Notion export of Markdown & CSV. Export again, and choose that format."
        )
    for member in _pages(archive, index):
        page = _read(archive, member)
        if not isinstance(page, Refused):
            title, _, properties = page
            index.entitle(key_of(member.path), title, properties.names)
    _load_tables(archive, index)
    return partial(_items, archive, index)


def _items(archive: Archive, index: Index, address: Address) -> Iterator[Item | Refused | Lost]:
    for member in _pages(archive, index):
        yield from _page(archive, member, index, address)
    yield from index.refused()
    for table in index.tables():
        links = Links(archive, index, address, posixpath.dirname(table.path))
        yield from notes_of(index, table, links)
        yield from links.lost(table.path)
    yield from _left_out(archive, index)


def _left_out(archive: Archive, index: Index) -> Iterator[Refused]:
    """What no line before names: other files, and what is another one's with another content."""
    for member in archive:
        taken = index.taken_from(member)
        if taken is None:
            if member.path not in index.linked_files:
                yield Refused(member.path, "It is no page and no table of Notion's.")
        elif not _is_view(member.path, of=taken[0]) and not _is_same(archive, member, taken):
            place = f"{taken[0]} in {archive.parts[taken[1]]}"
            yield Refused(member.path, f"It is the same as {place}, with another content.")


def _is_view(path: str, of: str) -> bool:
    """Whether it has a part of the rows of a database."""
    return _is_whole(of) and not _is_whole(path)


def _is_whole(path: str) -> bool:
    return path.lower().endswith(f"{ALL_ROWS}{TABLE}")


def _is_same(archive: Archive, member: Member, place: tuple[str, int]) -> bool:
    if place == (member.path, member.part):
        return True
    other = archive.find(*place)
    try:
        return other is not None and archive.digest(member) == archive.digest(other)
    except Unreadable:
        return False


def _has_id(member: Member) -> bool:
    stem, ending = posixpath.splitext(posixpath.basename(member.path))
    _, identifier = split_name(stem.removesuffix(ALL_ROWS))
    return identifier is not None and ending.lower() in (PAGE, TABLE, _HTML)


def _pages(archive: Archive, index: Index) -> Iterator[Member]:
    for member in archive:
        is_page = member.path.lower().endswith(PAGE)
        if is_page and index.taken_from(member) == (member.path, member.part):
            yield member


def _load_tables(archive: Archive, index: Index) -> None:
    """After the pages, whose titles tell which of them are rows."""
    for table in index.tables():
        member = archive.find(table.path)
        refused = member and load(archive, member, index, table)
        if refused:
            index.refuse(refused)
    for table in index.tables():
        settle(index, table)


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


def _read(archive: Archive, member: Member) -> tuple[str, str, Properties] | Refused:
    """A page's title, its text below that, and its properties."""
    try:
        page = archive.text(member)
    except Unreadable as error:
        return Refused(member.path, str(error))
    title, text = split_title(page)
    name = posixpath.basename(member.path)[: -len(PAGE)]
    return title_of(title, split_name(name)[0]), text, properties_of(text)


def _page(
    archive: Archive, member: Member, index: Index, address: Address
) -> Iterator[Item | Refused | Lost]:
    page = _read(archive, member)
    if isinstance(page, Refused):
        yield page
        return
    title, text, properties = page
    path, key = member.path, key_of(member.path)
    links = Links(archive, index, address, posixpath.dirname(path))
    content = _with_children(links.rewritten(text), path, index, links)
    tags, lost = tags_of(path, properties.tags)
    yield Item(
        path,
        key,
        title,
        str(content) or None,
        tags,
        created_at=properties.created_at,
        updated_at=properties.updated_at,
        relink=links.relink,
        earlier=earlier_of(key, links),
    )
    yield from lost + times_lost(path, properties.unread) + links.lost(path) + content.lost(path)


def _with_children(text: str, path: str, index: Index, links: Links) -> LinkList:
    """The text, and after it a list of the pages below this one that it does not link to."""
    unlinked = (
        (title, address)
        for key, title in index.children(path)
        if key not in links.linked and (address := links.address(key))
    )
    first = next(unlinked, None)
    if first is None:
        return LinkList(text)
    children = LinkList(f"{text.rstrip()}\n\n" if text.strip() else "")
    for title, address in (first, *unlinked):
        children.add(title_of(title), address)
    return children
