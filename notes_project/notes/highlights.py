"""The places of a note where what was asked for stands, as pieces of text without any markup."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from notes.asked import Asked, Term
from notes.folding import MARKS, SCRIPTS, SEPARATORS, fold_letters

# Of a longer text only the beginning is looked through: a page may hold a hundred notes.
MAX_TEXT = 20_000
MAX_FRAGMENTS = 3
_AROUND = 60
# Of a word: it ends where a run of a script without blanks begins.
_LETTER = rf"[^\W_{SCRIPTS}]"
# What may become one character with the one before it: marks, voiced sounds of kana, the rest of a
# Hangul syllable, vowel signs of India and its neighbours.
_JOINED = (
    rf"[{MARKS}\u3099\u309a\uff9e\uff9f\u1160-\u11ff\u314f-\u3163\uffc2-\uffdc"
    r"\u093c\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0c56\u0cc2\u0cd5\u0cd6\u0d3e\u0d57"
    r"\u0dca\u0dcf\u0ddf\u102e\u1b35\U000110ba\U00011127\U0001133e\U00011357\U000114b0"
    r"\U000114ba\U000114bd\U000115af\U00011930]*"
)
_CLUSTER = re.compile(rf"[\s\S]{_JOINED}")
# Of a text its places are looked for in the folded one, block by block and only where there is a
# match within by cluster.
_BLOCK = re.compile(rf"[\s\S]{{1,200}}{_JOINED}")

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
    if spans := list(_spans(title, wanted)):
        segments = _segments(title, 0, len(title), spans)
        found.append({"field": "title", "segments": segments})
    text = (text or "")[:MAX_TEXT]
    for start, end, spans in _windows(text, _spans(text, wanted)):
        found.append({"field": "content", "segments": _segments(text, start, end, spans)})
    return found


def _pattern(term: Term) -> str:
    # No piece has a separator: so there is one way to match, and the time is linear in the text.
    return term.pattern(f"[{SEPARATORS}]+", f"(?<!{_LETTER})", f"(?!{_LETTER})")


def _stem_pattern(stem: str) -> str:
    return rf"(?<!{_LETTER}){re.escape(stem)}{_LETTER}*"


def _spans(text: str, wanted: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the matches stand in the text as it is written, each found when it is asked for."""
    if text.isascii():
        for match in wanted.finditer(text.lower()):
            yield match.span()
        return
    blocks = _BLOCK.findall(text)
    folded = [fold_letters(block) for block in blocks]
    written_at, folded_at = (_places(pieces) for pieces in (blocks, folded))

    @cache
    def clusters(number: int) -> tuple[list[int], list[int]]:
        """Where those of a block begin, as they are written and folded."""
        pieces = _CLUSTER.findall(blocks[number])
        return _places(pieces), _places([fold_letters(piece) for piece in pieces])

    def written(place: int) -> tuple[int, int]:
        """Of a character of the folded text: where its cluster begins and ends."""
        number = bisect_right(folded_at, place) - 1
        begins, folded_begins = clusters(number)
        cluster = bisect_right(folded_begins, place - folded_at[number]) - 1
        return written_at[number] + begins[cluster], written_at[number] + begins[cluster + 1]

    for match in wanted.finditer("".join(folded)):
        if match.end() > match.start():
            yield written(match.start())[0], written(match.end() - 1)[1]


def _places(pieces: list[str]) -> list[int]:
    """Where each begins, and at last where all end."""
    return [0, *accumulate(map(len, pieces))]


def _windows(
    text: str, spans: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """The first matches with some text around, each with all the matches within."""
    span, end = next(spans, None), 0
    for _ in range(MAX_FRAGMENTS):
        while span and span[0] < end:
            span = next(spans, None)
        if span is None:
            return
        start = _boundary(text, max(span[0] - _AROUND, 0))
        end = _boundary(text, min(span[1] + 2 * _AROUND, len(text)))
        inside = [span]
        while (span := next(spans, None)) and span[1] <= end:
            inside.append(span)
        yield start, max(end, inside[-1][1]), inside


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
