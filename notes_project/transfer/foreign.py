"""What the readers of other programs' exports share: what notes have room for, and what is said."""

from __future__ import annotations

from collections.abc import Iterable

from notes.block_types import MAX_BYTES
from notes.fields import MAX_TAGS, MAX_TITLE
from notes.invisible import shows_nothing
from notes.models import DEFAULT_TITLE
from notes.tag_names import MAX_LENGTH, InvalidTagName, normalise
from transfer.items import Lost

_SHOWN = 5


def title_of(*candidates: str | None) -> str:
    """The first of which something is seen, cut where it is too long."""
    seen = (text.strip() for text in candidates if text and not shows_nothing(text))
    title = next(seen, DEFAULT_TITLE)
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"


def title_lost(source: str, title: str) -> list[Lost]:
    """What is said where `title_of` had to cut it."""
    if len(title.strip()) <= MAX_TITLE:
        return []
    return [Lost(source, f"The title is cut off after {MAX_TITLE} characters.")]


def with_facts(text: str, *facts: tuple[str, str]) -> str | None:
    """The text, and at its end a line for each thing that a note has no place for."""
    lines = "".join(f"{name}: {value}\n" for name, value in facts if value)
    if lines and text.strip():
        return f"{text.rstrip()}\n\n{lines}"
    return text or lines or None


def path_tag(titles: list[str]) -> str:
    """Of the folders that a note is in, the uppermost first; of too many the last one."""
    names = [title for title in titles if title]
    path = "/".join(names)
    return path if len(path) <= MAX_LENGTH else names[-1]


def tags_of(source: str, names: Iterable[str]) -> tuple[tuple[str, ...], list[Lost]]:
    """The names that can be tags, each once, and what is to be said of the others."""
    taken: dict[str, None] = {}
    lost: list[Lost] = []
    for name in names:
        try:
            tag = normalise(name)
        except InvalidTagName as error:
            lost.append(Lost(source, f"The tag {shown([name])} is left out. {error}"))
            continue
        if tag not in taken and len(taken) == MAX_TAGS:
            lost.append(Lost(source, f"Tags after the first {MAX_TAGS} are left out."))
            break
        taken[tag] = None
    return tuple(taken), lost


def shown(names: Iterable[str]) -> str:
    """The first of them, each once, for a line of the report."""
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - _SHOWN:,} more" if len(each) > _SHOWN else ""
    return ", ".join(name[:100] for name in each[:_SHOWN]) + more


def times_lost(source: str, times: Iterable[str]) -> list[Lost]:
    """What is said of times that cannot be told."""
    unread = shown(times)
    if not unread:
        return []
    return [Lost(source, f"No time that is read here: {unread}. It stays in the text.")]


def files_lost(source: str, names: Iterable[str]) -> list[Lost]:
    """What is said of attached files that a note links to."""
    files = shown(names)
    if not files:
        return []
    return [Lost(source, f"Files are not kept here; the links to them stay as they were: {files}.")]


def targets_lost(source: str, names: Iterable[str]) -> list[Lost]:
    """What is said of links to what becomes no note."""
    targets = shown(names)
    reason = f"It links to what is not in the export, or not taken: {targets}."
    return [Lost(source, reason)] * bool(targets)


class LinkList:
    """A list of links in Markdown, as long as a note has room for."""

    def __init__(self, before: str = "") -> None:
        self._lines = [before] if before else []
        self._room = MAX_BYTES - len(before.encode(errors="surrogatepass"))
        self.count = self.listed = 0

    def add(self, title: str, path: str) -> None:
        self.count += 1
        line = f"- [{_escaped(title)}]({path})\n"
        self._room -= len(line.encode(errors="surrogatepass"))
        if self._room >= 0:
            self._lines.append(line)
            self.listed += 1

    def __str__(self) -> str:
        return "".join(self._lines)

    def lost(self, source: str) -> list[Lost]:
        """What is said where not all have found room."""
        if self.listed == self.count:
            return []
        reason = f"The list has room for {self.listed:,} of {self.count:,} links. All are notes."
        return [Lost(source, reason)]


def _escaped(title: str) -> str:
    text = " ".join(title.split())
    for character in "\\[]":
        text = text.replace(character, "\\" + character)
    return text
