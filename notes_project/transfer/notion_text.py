"""What stands in a page of Notion's "Markdown & CSV" export: its title and its properties.

Notion does not document the form; these are facts of its exports of 2020 to 2026.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from notes.fields import MAX_TITLE
from transfer.times import InvalidTime, read_time

_TITLE = re.compile(r"\s*#[ \t]+([^\r\n]*)(?:\r?\n|\Z)(?:[ \t]*(?:\r?\n|\Z))?")
_PROPERTY = re.compile(r"([^:\n]{1,100}): ?(.*)")
_MAX_PROPERTIES = 200
_ESCAPE = re.compile(r"\\([^\w\s])")
# The export does not say of what kind a property is. These are the names that Notion itself gives
# to the tags of a new table, in its languages, and what people call theirs.
_TAGS = frozenset(
    (
        *("tag", "tags", "label", "labels", "keyword", "keywords", "topic", "topics"),
        *("category", "categories", "etiqueta", "etiquetas", "étiquette", "étiquettes"),
        *("schlagwort", "schlagwörter", "stichwort", "stichwörter", "kategorie", "kategorien"),
        *("tagger", "taggar", "tagit", "тег", "теги", "タグ", "태그", "标签", "標籤", "แท็ก"),
    )
)
_CREATED = frozenset(("created", "created time", "created at", "date created"))
_UPDATED = frozenset(
    ("last edited", "last edited time", "last edited at", "updated", "updated time", "updated at")
)
# English, or the order of ISO 8601; beside what that has itself, others cannot be told apart.
_TIME_FORMATS = (
    "%B %d, %Y %I:%M %p",
    "%B %d, %Y %H:%M",
    "%B %d, %Y",
    "%Y/%m/%d %I:%M %p",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)
# What may stand behind a time. Names of zones, as CST, mean several.
_OFFSET = re.compile(r"(?:(?:GMT|UTC)(?:([+-])(0?\d|1[0-4])(?::?([0-5]\d))?)?\))?")


@dataclass(frozen=True, slots=True)
class Properties:
    """What a note has a place for; all of them stay in the text.

    Args:
        unread: of its times those that cannot be told, as they are written.
    """

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    unread: tuple[str, ...] = ()


def split_title(text: str) -> tuple[str, str]:
    """The title that the page begins with, or nothing, and what follows it.

    A title that no note has room for stays in the text as well.
    """
    match = _TITLE.match(text)
    if not match:
        return "", text
    return match[1].strip(), text if len(match[1].strip()) > MAX_TITLE else text[match.end() :]


def comparable(title: str) -> str:
    """A title as it is both in a heading and in a CSV file."""
    return " ".join(_ESCAPE.sub(r"\1", title).split())


def properties_of(text: str) -> Properties:
    """Of `Name: value` in the lines of the first paragraph."""
    paragraph = text[:100_000].split("\n\n", 1)[0]
    pairs = (_PROPERTY.match(line) for line in paragraph.splitlines()[:_MAX_PROPERTIES])
    return as_properties([(match[1], match[2]) for match in pairs if match])


def as_properties(pairs: list[tuple[str, str]]) -> Properties:
    """The same of names and values."""
    tags: list[str] = []
    unread: list[str] = []
    created = updated = None
    for name, value in pairs:
        name = name.strip().casefold()
        if name in _TAGS:
            tags += [tag.strip() for tag in value.split(",") if tag.strip()]
        elif name in _CREATED:
            created = created or _time(value, unread)
        elif name in _UPDATED:
            updated = updated or _time(value, unread)
    names = tuple(name for name, _ in pairs)
    return Properties(names, tuple(tags), created, updated, tuple(unread))


def _time(value: str, unread: list[str]) -> datetime | None:
    """Mostly Notion leaves out the offset, that of whoever exported. Then it is read as UTC."""
    bare, _, offset = value.strip().partition(" (")
    try:
        time = _bare_time(bare.strip().removeprefix("@"))
        return time and time - _offset(offset)
    except (InvalidTime, OverflowError):
        unread.append(value.strip())
        return None


def _bare_time(text: str) -> datetime | None:
    """Raises InvalidTime."""
    for form in _TIME_FORMATS if len(text) < 40 else ():
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    return read_time(text)


def _offset(text: str) -> timedelta:
    """Raises InvalidTime."""
    match = _OFFSET.fullmatch(text)
    if not match:
        raise InvalidTime(text)
    sign, hours, minutes = match.groups("0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset
