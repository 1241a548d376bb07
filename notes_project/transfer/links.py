"""Links in Markdown: finding their targets, and putting others in their place.

Only what a target stands in is looked at, never the text as a whole: everything else stays to the
letter, and so does code. The time is linear in the text, whatever it is made of.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

from transfer.code_spans import outside_code

_MAX_TARGET = 2000
_MAX_ENDS = 6
# `](target` or `](<target>`. Brackets within a target are percent-encoded by all who write one.
_TARGET = re.compile(rf"\]\((?:<([^<>\n]{{1,{_MAX_TARGET}}})>|([^\s<>\[\]]{{1,{_MAX_TARGET}}}))")
# `Title (target.md)`, which Notion writes for a relation.
_RELATION = re.compile(r"(?<!\])\(([^\s()<>\[\]]*(?:\([^\s()<>\[\]]*\)[^\s()<>\[\]]*)*\.md)\)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

Resolve = Callable[[str], str | None]
"""From a target what stands in its place; None leaves it."""


def rewritten(text: str, resolve: Resolve) -> str:
    """The text with the targets of its links replaced."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] is not None:
            target = resolve(match[1])
            return match[0] if target is None else f"](<{target}>"
        for end in _ends(match[2]):
            target = resolve(match[2][:end])
            if target is not None:
                return f"]({target}{match[2][end:]}"
        return match[0]

    return outside_code(text, lambda piece: _TARGET.sub(replacement, piece))


def rewritten_relations(text: str, resolve: Resolve) -> str:
    """The same for the names of pages that have their target in parentheses after them."""

    def replacement(match: re.Match[str]) -> str:
        return f"({resolve(match[1]) or match[1]})"

    return outside_code(text, lambda piece: _RELATION.sub(replacement, piece))


def _ends(run: str) -> list[int]:
    """Where a target may end: at each closing parenthesis, for it may have some itself."""
    ends: list[int] = []
    place = run.find(")")
    while place >= 0 and len(ends) < _MAX_ENDS:
        if place:
            ends.append(place)
        place = run.find(")", place + 1)
    return ends or [len(run)]


def path_of(target: str, folder: str) -> str | None:
    """The path in the archive that a link in a file of this folder leads to, in NFC.

    None where it leads out of the archive, is an address, or has no ending.
    """
    bare = target.split("#", 1)[0].split("?", 1)[0]
    if "." not in bare or bare.startswith(("/", "\\")) or _SCHEME.match(bare):
        return None
    path = posixpath.normpath(posixpath.join(folder, unquote(bare)))
    return None if path.startswith("..") else unicodedata.normalize("NFC", path)
