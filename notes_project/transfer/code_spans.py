"""Code in Markdown (CommonMark 0.31.2, sections 4.5 and 6.1): what stands in it is no link.

The time is linear in the text, whatever it is made of.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

_LINE_START = re.compile(r"(?<=\n)")
# In lists and quotes as well, however deep.
_FENCE = re.compile(r"[ \t>]*(`{3,}(?=[^`]*\Z)|~{3,})")
_RUN = re.compile("`+")

Change = Callable[[str], str]


def outside_code(text: str, change: Change) -> str:
    """The text with what is no code in it changed, piece by piece."""
    has_code = "`" in text or "~~~" in text
    return "".join(_pieces(text, change)) if has_code else change(text)


def _pieces(text: str, change: Change) -> Iterator[str]:
    paragraph: list[str] = []
    fence = ""
    for line in _LINE_START.split(text):
        bare = line.strip(" \t\r\n>")
        if fence:
            yield line
            if bare.startswith(fence) and not bare.strip(fence[0]):
                fence = ""
            continue
        opening = _FENCE.match(line)
        if not opening:
            paragraph.append(line)
        if opening or not bare:
            yield from _outside_spans("".join(paragraph), change)
            paragraph.clear()
        if opening:
            fence = opening[1]
            yield line
    yield from _outside_spans("".join(paragraph), change)


def _outside_spans(text: str, change: Change) -> Iterator[str]:
    """Of a paragraph. A span ends at the next run of as many backticks as it began with."""
    ends: defaultdict[int, list[int]] = defaultdict(list)
    runs = list(_RUN.finditer(text))
    for run in reversed(runs):
        ends[len(run[0])].append(run.end())
    place = 0
    for run in runs:
        if run.start() < place or text.endswith("\\", 0, run.start()):
            continue
        same = ends[len(run[0])]
        while same and same[-1] <= run.end():
            same.pop()
        if same:
            yield change(text[place : run.start()])
            place = same.pop()
            yield text[run.start() : place]
    yield change(text[place:])
