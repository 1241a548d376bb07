"""Reading a packed folder of Markdown files, as Joplin's "MD" and "MD + Front Matter" exports are.

A file is a note with the file's text to the letter, but for its front matter and for links to other
files, which lead to their notes. The folder that it is in, as a path, is a tag. Of the front matter
what a note has no place for is at the end of the text. Files of an export of notes, without the
rest of it, are read as there.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from transfer import front_matter, markdown
from transfer.archive import Archive, Member
from transfer.errors import Unreadable
from transfer.foreign import (
    files_lost,
    path_tag,
    tags_of,
    targets_lost,
    title_lost,
    title_of,
    with_facts,
)
from transfer.items import Address, Item, Lost, Read, Refused
from transfer.links import path_of, rewritten
from transfer.times import InvalidTime, read_time

FORMAT = "markdown"
_ENDINGS = (".md", ".markdown")
_HTML = ".html"
# What Joplin adds: attached files, and icons of notebooks.
_RESOURCES = re.compile(r"([^/]+/)?_resources/")
_ADDED = re.compile(r"(.*/)?(_resources/.*|_notebook\.yml|_folder_icon\.[^/]*)", re.DOTALL)
_DOCUMENT = re.compile(r"(.*/)?blocks/[0-9a-f-]{36}\.json", re.DOTALL)
# Members of front matter, where they are single values; where others cannot be read, that is said;
# and Joplin's places.
_TEXTS = ("title", "source", "author", "due", "completed?")
_READ = ("is_archived", "created", "created_at", "updated", "updated_at")
_PLACES = ("latitude", "longitude", "altitude")
_BLANK = re.compile(r"[ \t]*\r?\n")


def is_export(archive: Archive, part: int) -> bool:
    """Whether there is a Markdown file."""
    return any(member.path.lower().endswith(_ENDINGS) for member in archive.members(part))


def read(archive: Archive) -> Read:
    """One item for each file."""
    return partial(_items, archive, _root(archive))


def _items(archive: Archive, root: str, address: Address) -> Iterator[Item | Refused | Lost]:
    for member in archive:
        if _is_note(member.path):
            yield from _note(archive, member, root, address)
        elif not _ADDED.fullmatch(member.path) and not _DOCUMENT.fullmatch(member.path):
            yield Refused(member.path, "It is no Markdown file.")


def _is_note(path: str) -> bool:
    return path.lower().endswith((*_ENDINGS, _HTML)) and not _ADDED.fullmatch(path)


def _root(archive: Archive) -> str:
    """The folder that was packed, where it was packed with its name."""
    for member in archive:
        match = _RESOURCES.match(member.path)
        if match:
            return match[1] or ""
    return ""


@dataclass(slots=True)
class _Links:
    """Where the links of one file lead, and what is found on the way."""

    archive: Archive
    root: str
    address: Address
    folder: str
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __call__(self, target: str) -> str | None:
        path = path_of(target, self.folder)
        if path is None:
            return None
        name = posixpath.basename(path)
        if _is_note(path):
            address = self.address(_key(path, self.root))
            if address is None:
                self.missing.append(name)
            return address
        if self.archive.find(path):
            self.files.append(name)
        return None


def _relinked(archive: Archive, root: str, folder: str, text: str, address: Address) -> str:
    return rewritten(text, _Links(archive, root, address, folder))


def _key(path: str, root: str) -> str:
    return f"markdown:{path.removeprefix(root)}"


def _note(
    archive: Archive, member: Member, root: str, address: Address
) -> Iterator[Item | Refused | Lost]:
    source = member.path
    folder, name = posixpath.split(source)
    reasons: list[str] = []
    try:
        values, text = _split(archive.text(member), reasons)
    except Unreadable as error:
        yield Refused(source, str(error))
        return
    if markdown.is_written(values):
        above = posixpath.dirname(folder)
        yield from markdown.read_note(archive, member, f"{above}/" if above else "")
        return
    links = _Links(archive, root, address, folder)
    title = _text(values, "title")
    names = [path_tag(f"{folder}/".removeprefix(root).split("/")), *_todo(values), *_tags(values)]
    tags, lost = tags_of(source, filter(None, names))
    content = with_facts(
        text,
        ("Source", _text(values, "source")),
        ("Author", _text(values, "author")),
        ("Due", _text(values, "due")),
        *_others(values),
    )
    yield Item(
        source,
        _key(source, root),
        title_of(title, posixpath.splitext(name)[0]),
        content and rewritten(content, links),
        tags,
        _is_archived(values, reasons),
        _time(values, reasons, "created", "created_at"),
        _time(values, reasons, "updated", "updated_at"),
        relink=partial(_relinked, archive, root, folder),
    )
    yield from (Lost(source, reason) for reason in reasons)
    yield from title_lost(source, title)
    yield from lost + files_lost(source, links.files) + targets_lost(source, links.missing)
    if source.lower().endswith(_HTML):
        yield Lost(source, "It is an HTML note: its text is the HTML.")


def _split(text: str, reasons: list[str]) -> tuple[dict[str, Any], str]:
    """The front matter's values and the text; all is text, and a reason, where that is none."""
    try:
        values, rest = front_matter.split(text)
    except front_matter.InvalidFrontMatter as error:
        reasons.append(f"{error} It stays in the text.")
        return {}, text
    if values and _BLANK.match(rest):
        rest = _BLANK.sub("", rest, count=1)
    return values, rest


def _given(values: dict[str, Any], name: str) -> Any:
    """A value of the front matter; empty where there is none, or YAML's null."""
    value = values.get(name, "")
    return "" if value in ("null", "~") else value


def _text(values: dict[str, Any], name: str) -> str:
    value = _given(values, name)
    return value if isinstance(value, str) else ""


def _is_archived(values: dict[str, Any], reasons: list[str]) -> bool:
    value = str(values.get("is_archived", "false")).lower()
    if value not in ("true", "false"):
        reasons.append("is_archived in its front matter is neither true nor false.")
    return value == "true"


def _time(values: dict[str, Any], reasons: list[str], *names: str) -> datetime | None:
    """The first of these that is a time."""
    for name in names:
        try:
            time = read_time(str(_given(values, name)))
        except InvalidTime as error:
            reasons.append(f"{name} in its front matter: {error}")
            continue
        if time:
            return time
    return None


def _tags(values: dict[str, Any]) -> list[str]:
    tags = _given(values, "tags")
    names = tags.split(",") if isinstance(tags, str) else tags
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _others(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The members that are not read, as lines of text."""
    for name in values:
        value = _given(values, name)
        is_text = isinstance(value, str)
        is_read = (
            name in (*_READ, *_PLACES)
            or (name in (*_TEXTS, "tags") and is_text)
            or (name == "tags" and value == _tags(values))
        )
        if value and not is_read:
            yield name, value if is_text else json.dumps(value, ensure_ascii=False)


def _todo(values: dict[str, Any]) -> list[str]:
    """Of a to-do its state."""
    state = _text(values, "completed?").lower()
    return [("done" if state in ("yes", "true") else "todo")] if state else []
