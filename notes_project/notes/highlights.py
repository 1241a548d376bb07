"""The places of a note where what was asked for stands, as pieces of text without any markup."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

from notes.asked import Asked, Term, is_run
from notes.folding import MARKS, SEPARATORS, fold_letters

# Of a longer text only the beginning is looked through: a page may hold a hundred notes.
MAX_TEXT = 20_000
MAX_FRAGMENTS = 3
_AROUND = 60
_LETTER = r"[^\W_]"
# A character and what belongs to it: marks, voiced sounds of kana, the rest of a Hangul syllable.
_CLUSTER = re.compile(rf"[\s\S][{MARKS}\u3099\u309a\u1160-\u11ff]*")

Segment = dict[str, Any]


def pattern_of(asked: Asked, stems: Collection[str] = ()) -> re.Pattern[str]:
    """Matches in a folded text what is not excluded, and words that begin with the stems."""
    terms = {term for terms in asked for term in terms if not term.excluded}
    # The longest first: of two that begin at one place, it is the one to show.
    ordered = sorted(terms, key=lambda term: (-len(term.text), term.text))
    patterns = [*map(_stem_pattern, sorted(stems, key=len, reverse=True)), *map(_pattern, ordered)]
    return re.compile("|".join(patterns))


def fragments(title: str, text: str | None, wanted: re.Pattern[str]) -> list[dict[str, Any]]:
    """``[{"field": "title" or "content", "segments": [{"text", "match"}, …]}, …]``."""
    found = []
    if spans := _spans(title, wanted):
        segments = _segments(title, 0, len(title), spans)
        found.append({"field": "title", "segments": segments})
    text = (text or "")[:MAX_TEXT]
    for start, end, spans in _windows(text, _spans(text, wanted)):
        found.append({"field": "content", "segments": _segments(text, start, end, spans)})
    return found


def _pattern(term: Term) -> str:
    pieces = [re.escape(piece) for piece in term.pieces]
    # Between two of them stands what the index takes for a separator, or nothing. No piece has any,
    # so there is one way to match, and the time is linear in the text.
    body = rf"[\0{SEPARATORS}]*".join(pieces)
    before = "" if is_run(term.pieces[0]) else rf"(?<!{_LETTER})"
    after = "" if is_run(term.pieces[-1]) or term.unfinished else rf"(?!{_LETTER})"
    return before + body + after


def _stem_pattern(stem: str) -> str:
    return rf"(?<!{_LETTER}){re.escape(stem)}{_LETTER}*"


def _spans(text: str, wanted: re.Pattern[str]) -> list[tuple[int, int]]:
    """Where the matches stand in the text as it is written."""
    if text.isascii():
        return [match.span() for match in wanted.finditer(text.lower())]
    clusters = _CLUSTER.findall(text)
    folded = [_fold_cluster(cluster) for cluster in clusters]
    written = [0, *accumulate(map(len, clusters))]
    # For each character of the folded text, the number of its cluster.
    origin = [number for number, piece in enumerate(folded) for _ in piece]
    return [
        (written[origin[match.start()]], written[origin[match.end() - 1] + 1])
        for match in wanted.finditer("".join(folded))
        if match.end() > match.start()
    ]


@lru_cache(8192)
def _fold_cluster(cluster: str) -> str:
    return fold_letters(cluster)


def _windows(
    text: str, spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """The first matches with some text around, each with all the matches within."""
    rest, count = list(spans), 0
    while rest and count < MAX_FRAGMENTS:
        start = _boundary(text, max(rest[0][0] - _AROUND, 0))
        end = _boundary(text, min(rest[0][1] + 2 * _AROUND, len(text)))
        inside = [span for span in rest if span[1] <= end] or rest[:1]
        yield start, max(end, inside[-1][1]), inside
        rest = [span for span in rest[len(inside) :] if span[0] >= end]
        count += 1


def _boundary(text: str, place: int) -> int:
    """The nearest blank before, so that no word and no character with its marks is cut."""
    blank = max(text.rfind(blank, max(place - 20, 0), place) for blank in " \n")
    return place if blank < 0 or place == len(text) else blank + 1


def _segments(text: str, start: int, end: int, spans: Sequence[tuple[int, int]]) -> list[Segment]:
    segments, place = [], start
    for first, last in spans:
        if first > place:
            segments.append({"text": text[place:first], "match": False})
        if last > max(first, place):
            segments.append({"text": text[max(first, place) : last], "match": True})
        place = max(place, last)
    if place < end:
        segments.append({"text": text[place:end], "match": False})
    return segments
