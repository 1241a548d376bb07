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
_TARGET = re.compile(
    rf"\]\(\s{{0,9}}(?:<([^<>\n]{{1,{_MAX_TARGET}}})>|([^\s<>\[\]]{{1,{_MAX_TARGET}}}))"
)
# `[label]: target` or `[label]: <target>`, with or without a title; `[^1]: ` begins a footnote.
_DEFINITION = re.compile(
    rf"^[ \t>]{{0,20}}\[(?!\^)[^\[\]\n]{{1,999}}\]:[ \t]{{0,20}}"
    rf"(?:<([^<>\n]{{1,{_MAX_TARGET}}})>|([^\s<>]{{1,{_MAX_TARGET}}}))"
    rf"(?!\S)(?=[ \t]{{0,20}}(?:\r?$|[\"'(]))",
    re.MULTILINE,
)
# `[[name]]`, `[[name#heading]]`, `[[name|text]]`, and with `!` before it what is to be shown there.
_WIKI = re.compile(
    r"!?\[\[([^\[\]\n|#]{1,999})(#[^\[\]\n|]{0,999})?(\|[^\[\]\n]{0,999})?\]\](?!\()"
)
# `Title (target.md)`, which Notion writes for a relation.
_RELATION = re.compile(r"(?<!\])\(([^\s()<>\[\]]*(?:\([^\s()<>\[\]]*\)[^\s()<>\[\]]*)*\.md)\)")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

Resolve = Callable[[str], str | None]
"""From a target what stands in its place; None leaves it."""


def rewritten(text: str, resolve: Resolve) -> str:
    """The text with the targets of its links, and of the labels that links may have, replaced."""

    def link(match: re.Match[str]) -> str:
        return _replaced(match, resolve, _ends(match[2]) if match[2] else [len(match[1])])

    def definition(match: re.Match[str]) -> str:
        return _replaced(match, resolve, [len(match[1] or match[2])])

    def change(piece: str) -> str:
        return _DEFINITION.sub(definition, _TARGET.sub(link, piece))

    return outside_code(text, change)


def rewritten_wiki(text: str, resolve: Resolve) -> str:
    """The same for wiki links, by the name: they become links of Markdown."""

    def replacement(match: re.Match[str]) -> str:
        # In a table the line before the text has a backslash.
        name, heading, shown = (each.rstrip("\\") for each in match.groups(default=""))
        target = resolve(name.strip()) if name.strip() else None
        return match[0] if target is None else f"[{shown[1:] or name + heading}]({target})"

    return outside_code(text, lambda piece: _WIKI.sub(replacement, piece))


def rewritten_relations(text: str, resolve: Resolve) -> str:
    """The same for the names of pages that have their target in parentheses after them."""

    def replacement(match: re.Match[str]) -> str:
        return f"({resolve(match[1]) or match[1]})"

    return outside_code(text, lambda piece: _RELATION.sub(replacement, piece))


def _replaced(match: re.Match[str], resolve: Resolve, ends: list[int]) -> str:
    """The match with another target, which ends at the first of these places that leads to one."""
    group = 1 if match[1] else 2
    start = match.start(group) - match.start()
    for end in ends:
        target = resolve(match[group][:end])
        if target is not None:
            return f"{match[0][:start]}{target}{match[0][start + end :]}"
    return match[0]


def _ends(run: str) -> list[int]:
    """Where a target may end: at each closing parenthesis, for it may have some itself."""
    ends: list[int] = []
    place = run.find(")")
    while place >= 0 and len(ends) < _MAX_ENDS:
        if place:
            ends.append(place)
        place = run.find(")", place + 1)
    # With as many of both, it has them all itself.
    whole = run.count("(") == run.count(")") or not ends
    return [*ends, len(run)] if whole else ends


def path_of(target: str, folder: str) -> str | None:
    """The path in the archive that a link in a file of this folder leads to, in NFC.

    None where it leads out of the archive, is an address, or has no ending.
    """
    bare = target.split("#", 1)[0].split("?", 1)[0]
    if "." not in bare or bare.startswith(("/", "\\")) or SCHEME.match(bare):
        return None
    path = posixpath.normpath(posixpath.join(folder, unquote(bare)))
    return None if path.startswith("..") else unicodedata.normalize("NFC", path)
