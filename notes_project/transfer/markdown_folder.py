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
from datetime import datetime
from functools import partial
from typing import Any

from transfer import front_matter, markdown
from transfer.archive import Archive, Member
from transfer.errors import Unreadable
from transfer.file_places import FilePlaces
from transfer.foreign import (
    path_tag,
    tags_of,
    title_lost,
    title_of,
    with_facts,
)
from transfer.items import Address, Item, Lost, Read, Refused
from transfer.markdown_links import ADDED, Links, is_note, key_of
from transfer.times import InvalidTime, read_time

FORMAT = "markdown"
_ENDINGS = (".md", ".markdown")
_HTML = ".html"
_RESOURCES = re.compile(r"([^/]+/)?_resources/")
_DOCUMENT = re.compile(r"(.*/)?blocks/[0-9a-f-]{36}\.json", re.DOTALL)
# Members of front matter, where they are single values, and where they are times; Joplin's places.
_TEXTS = ("title", "source", "author", "due", "completed?")
_TIMES = ("created", "created_at", "updated", "updated_at")
_PLACES = ("latitude", "longitude", "altitude")
_BLANK = re.compile(r"[ \t]*\r?\n")


def is_export(archive: Archive, part: int) -> bool:
    """Whether there is a Markdown file."""
    return any(member.path.lower().endswith(_ENDINGS) for member in archive.members(part))


def read(archive: Archive) -> Read:
    """One item for each file."""
    places = FilePlaces()
    archive.on_close(places.close)
    for member in archive:
        places.add(member.path)
    return partial(_items, archive, places, _root(archive))


def _items(
    archive: Archive, places: FilePlaces, root: str, address: Address
) -> Iterator[Item | Refused | Lost]:
    for member in archive:
        if is_note(member.path):
            folder = posixpath.dirname(member.path)
            links = Links(archive, places, root, folder, address)
            yield from _note(archive, member, root, links)
        elif not ADDED.fullmatch(member.path) and not _DOCUMENT.fullmatch(member.path):
            yield Refused(member.path, "It is no Markdown file.")


def _root(archive: Archive) -> str:
    """The folder that was packed, where it was packed with its name."""
    for member in archive:
        match = _RESOURCES.match(member.path)
        if match:
            return match[1] or ""
    return ""


def _note(
    archive: Archive, member: Member, root: str, links: Links
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
        key_of(source, root),
        title_of(title, posixpath.splitext(name)[0]),
        content and links.rewritten(content),
        tags,
        _is_archived(values, reasons),
        _time(values, reasons, "created", "created_at"),
        _time(values, reasons, "updated", "updated_at"),
        relink=links.relink,
    )
    yield from (Lost(source, reason) for reason in reasons)
    yield from title_lost(source, title)
    yield from lost + links.lost(source)
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
        reason = "is_archived in its front matter is neither true nor false."
        reasons.append(f"{reason} It stays in the text.")
    return value == "true"


def _time(values: dict[str, Any], reasons: list[str], *names: str) -> datetime | None:
    """The first of these that is a time."""
    for name in names:
        try:
            time = read_time(str(_given(values, name)))
        except InvalidTime as error:
            reasons.append(f"{name} in its front matter: {error} It stays in the text.")
            continue
        if time:
            return time
    return None


def _is_time(value: Any) -> bool:
    try:
        return read_time(str(value)) is not None
    except InvalidTime:
        return False


def _tags(values: dict[str, Any]) -> list[str]:
    tags = _given(values, "tags")
    names = tags.split(",") if isinstance(tags, str) else tags
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _others(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The members that are not read, or cannot be, as lines of text."""
    for name in values:
        value = _given(values, name)
        is_text = isinstance(value, str)
        is_read = (
            name in _PLACES
            or (name in (*_TEXTS, "tags") and is_text)
            or (name in _TIMES and _is_time(value))
            or (name == "is_archived" and str(value).lower() in ("true", "false"))
            or (name == "tags" and value == _tags(values))
        )
        if value and not is_read:
            yield name, value if is_text else json.dumps(value, ensure_ascii=False)


def _todo(values: dict[str, Any]) -> list[str]:
    """Of a to-do its state."""
    state = _text(values, "completed?").lower()
    return [("done" if state in ("yes", "true") else "todo")] if state else []
