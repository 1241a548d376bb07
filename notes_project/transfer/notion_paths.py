"""What the paths in a Notion export say: `Title 0123….md`, and folders named after pages."""

from __future__ import annotations

import posixpath
import re

PAGE, TABLE, ALL_ROWS = ".md", ".csv", "_all"
_ID = re.compile(r"[0-9a-f]{32}")
_WRAPPER = re.compile(r"\A(?:[^/]*_)?Export(?:Block)?-[0-9a-f-]{36}[^/]*/")


def split_name(stem: str) -> tuple[str, str | None]:
    """`Title 0123…` without its ending: the title, which may be cut off, and the id of the page."""
    title, identifier = stem[:-32], stem[-32:]
    if not _ID.fullmatch(identifier) or (title and not title.endswith(" ")):
        return stem, None
    return title.strip(), identifier


def key_of(path: str) -> str:
    """What a page or a database is in every export: its id, else where it is."""
    stem, ending = posixpath.splitext(path)
    if ending.lower() == TABLE:
        stem = stem.removesuffix(ALL_ROWS)
    _, identifier = split_name(posixpath.basename(stem))
    return f"notion:{identifier or _WRAPPER.sub('', stem + ending.lower(), count=1)}"


def folders_of(path: str) -> tuple[str, str]:
    """Where the children of a page or a database are: with its id in the name, or without."""
    stem, ending = posixpath.splitext(path)
    if ending.lower() == TABLE:
        stem = stem.removesuffix(ALL_ROWS)
    folder, name = posixpath.split(stem)
    title, _ = split_name(name)
    return stem, posixpath.join(folder, title or name)
