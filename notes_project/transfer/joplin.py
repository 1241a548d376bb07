"""Reading Joplin's JEX file, or its RAW folder packed: a file for each note, notebook and tag.

A note's text arrives to the letter but for links to other notes. Its notebook, a path, is a tag.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from transfer.archive import Archive, Member
from transfer.code_spans import outside_code
from transfer.errors import Unreadable
from transfer.foreign import (
    files_lost,
    path_tag,
    shown,
    tags_of,
    targets_lost,
    title_lost,
    title_of,
    with_facts,
)
from transfer.items import Address, Item, Lost, Read, Refused
from transfer.joplin_item import FOLDER, NOTE, NOTE_TAG, RESOURCE, TAG, Raw, parse
from transfer.linked_files import LinkedFiles
from transfer.scratch import scratch

FORMAT = "joplin"
_MAX_TRIED = 10
_MAX_LEVELS = 50
_NAME = re.compile(r"[0-9a-f]{32}\.md", re.IGNORECASE)
_LINK = re.compile(r":/([0-9a-f]{32})(?![0-9a-z])", re.IGNORECASE)
_EXTERNAL = re.compile(r"joplin://x-callback-url/openNote\?id=([0-9a-f]{32})(?![0-9a-z])")
_SCHEMA = """
CREATE TABLE titles (id TEXT PRIMARY KEY, kind TEXT, title TEXT, parent TEXT) WITHOUT ROWID;
CREATE TABLE note_tags (note TEXT, tag TEXT, PRIMARY KEY (note, tag)) WITHOUT ROWID;
"""


def is_export(archive: Archive, part: int) -> bool:
    """Whether a file named after an id has such lines at its end."""
    tried = 0
    for member in archive.members(part):
        if _is_item(member):
            tried += 1
            try:
                if parse(archive.text(member)):
                    return True
            except Unreadable:
                pass
            if tried == _MAX_TRIED:
                break
    return False


def read(archive: Archive) -> Read:
    """One item for each note."""
    index = _Index()
    archive.on_close(index.close)
    for member in archive:
        raw = _read(archive, member) if _is_item(member) else None
        if isinstance(raw, Raw):
            index.add(raw)
    return partial(_items, archive, index)


def _items(archive: Archive, index: _Index, address: Address) -> Iterator[Item | Refused | Lost]:
    for member in archive:
        if _is_item(member):
            raw = _read(archive, member)
            if isinstance(raw, Refused):
                yield raw
            elif raw.kind == NOTE:
                yield from _note(member.path, raw, index, address)
    for member in archive:
        if not _is_item(member) and _stem(member) not in index.linked_files:
            yield Refused(member.path, "It is no item of Joplin's, and files are not kept here.")


class _Index:
    """Titles and links of everything, on the disk, for there may be millions; to be closed."""

    def __init__(self) -> None:
        self._db = scratch(_SCHEMA)
        self.linked_files = LinkedFiles()

    def close(self) -> None:
        self._db.close()
        self.linked_files.close()

    def add(self, raw: Raw) -> None:
        if raw.kind == NOTE_TAG:
            question = "INSERT OR IGNORE INTO note_tags VALUES (?, ?)"
            self._db.execute(question, (raw.id("note_id"), raw.id("tag_id")))
        elif raw.kind in (NOTE, FOLDER, RESOURCE, TAG):
            question = "INSERT OR IGNORE INTO titles VALUES (?, ?, ?, ?)"
            self._db.execute(question, (raw.id(), raw.kind, raw.title, raw.id("parent_id")))

    def title(self, identifier: str, kind: str) -> str | None:
        """None where there is no such thing of this kind."""
        found = self._find(identifier)
        return found[1] if found and found[0] == kind else None

    def tags(self, note: str) -> list[str]:
        question = (
            "SELECT title FROM note_tags JOIN titles ON id = tag WHERE note = ? ORDER BY title"
        )
        return [title for (title,) in self._db.execute(question, (note,)) if title]

    def notebook(self, identifier: str) -> tuple[list[str], bool]:
        """The titles of a notebook and of those above it, the uppermost first; whether all are."""
        titles: dict[str, str] = {}
        found = self._find(identifier)
        # Of those that are each other's parent each comes once.
        while (
            found and found[0] == FOLDER and identifier not in titles and len(titles) < _MAX_LEVELS
        ):
            titles[identifier] = found[1]
            identifier = found[2]
            found = self._find(identifier)
        return [*reversed(titles.values())], bool(found) or not identifier

    def _find(self, identifier: str) -> Any:
        question = "SELECT kind, title, parent FROM titles WHERE id = ?"
        return self._db.execute(question, (identifier,)).fetchone()


def _is_item(member: Member) -> bool:
    """An attached file may have such a name as well."""
    folder, name = posixpath.split(member.path)
    return bool(_NAME.fullmatch(name)) and posixpath.basename(folder) != "resources"


def _stem(member: Member) -> str:
    """Of an attached file its id."""
    return posixpath.splitext(posixpath.basename(member.path))[0].lower()


def _read(archive: Archive, member: Member) -> Raw | Refused:
    try:
        raw = parse(archive.text(member))
    except Unreadable as error:
        return Refused(member.path, str(error))
    return raw or Refused(member.path, "It does not end as an item of Joplin does. Export again.")


def _note(path: str, raw: Raw, index: _Index, address: Address) -> Iterator[Item | Refused | Lost]:
    if raw.is_set("encryption_applied"):
        reason = "It is encrypted. Let Joplin decrypt everything, and export again."
        yield Refused(path, reason)
        return
    title = title_of(raw.title, raw.body.lstrip().partition("\n")[0])
    source = f"{path} ({shown([title])})"
    if raw.is_set("deleted_time"):
        reason = "It is in Joplin's trash. Restore it there and export again, if you want it."
        yield Refused(source, reason)
        return
    found = _Found()
    is_html = raw.values.get("markup_language") == "2"
    text = _linked(index, found, is_html, raw.body, address)
    notebook, is_whole = index.notebook(raw.id("parent_id"))
    tags, lost = tags_of(source, _tags(raw, index, path_tag(notebook)))
    yield Item(
        source,
        _key(raw.id()),
        title,
        with_facts(
            text,
            ("Source", raw.values.get("source_url", "")),
            ("Author", raw.values.get("author", "")),
            ("Due", raw.milliseconds("todo_due")),
        ),
        tags,
        created_at=raw.time("user_created_time", "created_time"),
        updated_at=raw.time("user_updated_time", "updated_time"),
        relink=partial(_linked, index, _Found(), is_html),
    )
    yield from title_lost(source, raw.title)
    yield from lost + files_lost(source, found.files) + targets_lost(source, found.missing)
    if found.notebooks:
        notebooks = shown(found.notebooks)
        yield Lost(source, f"It links to notebooks, which are tags here: {notebooks}.")
    if not is_whole:
        yield Lost(source, "A notebook that it is in is not in the export.")
    if is_html:
        yield Lost(source, "It is an HTML note: its text is the HTML.")


@dataclass(slots=True)
class _Found:
    """What other links lead to than to notes."""

    files: list[str] = field(default_factory=list)
    notebooks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def _linked(index: _Index, found: _Found, is_html: bool, text: str, address: Address) -> str:
    """The text with links to notes. What is code in Markdown is none in HTML."""

    def replacement(match: re.Match[str]) -> str:
        target = match[1].lower()
        file = index.title(target, RESOURCE)
        if file is not None:
            found.files.append(file or target)
            index.linked_files.add(target)
            return match[0]
        path = address(_key(target))
        if path is None:
            notebook = index.title(target, FOLDER)
            if notebook is None:
                found.missing.append(match[0])
            else:
                found.notebooks.append(notebook)
        return path or match[0]

    def change(piece: str) -> str:
        return _EXTERNAL.sub(replacement, _LINK.sub(replacement, piece))

    return change(text) if is_html else outside_code(text, change)


def _tags(raw: Raw, index: _Index, notebook: str) -> Iterator[str]:
    if notebook:
        yield notebook
    if raw.is_set("is_todo"):
        yield "done" if raw.is_set("todo_completed") else "todo"
    if raw.is_set("is_conflict"):
        yield "conflict"
    yield from index.tags(raw.id())


def _key(identifier: str) -> str:
    return f"joplin:{identifier}"
