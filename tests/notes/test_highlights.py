"""Where a match stands in a text as it is written, whatever folding makes of what is around."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from notes import highlights
from notes.asked import parse
from notes.folding import fold_letters

# Each with its parts apart too, as some systems write them.
WRITTEN = (
    "a",
    "é",
    "ﬁ",
    "ß",
    "İ",
    "Σ",
    "…",
    "👩🏽‍🚀",
    "漢",
    "ガ",
    "ｶﾞ",
    "한",
    "ㅎㅏㄴ",
    "কো",
    "కై",
    "ொ",
    "שׁ",
)
PIECES = st.sampled_from([*WRITTEN, *(unicodedata.normalize("NFD", each) for each in WRITTEN), " "])
TEXTS = st.lists(PIECES, max_size=500).map("".join)


@given(TEXTS | st.text())
def test_a_text_is_folded_as_its_pieces_are(text):
    for pattern in (highlights._CLUSTER, highlights._BLOCK):
        pieces = pattern.findall(text)
        assert "".join(pieces) == text
        assert "".join(map(fold_letters, pieces)) == fold_letters(text)


@given(TEXTS, st.sampled_from(["Zürich", "ZU\u0308RICH", "Zu\u00adrich", "züri\u0301ch"]), TEXTS)
def test_a_match_is_shown_as_it_is_written(before, word, after):
    text = f"{before} {word} {after}"
    (found,) = highlights.fragments("", text, highlights.pattern_of(parse('"zurich"')))
    assert [part["text"] for part in found["segments"] if part["match"]] == [word]
    assert "".join(part["text"] for part in found["segments"]) in text


def test_no_more_of_a_text_is_looked_at_than_is_shown():
    looked_at = []

    class Pattern:
        def finditer(self, text):
            for match in highlights.pattern_of(parse("の")).finditer(text):
                looked_at.append(match)
                yield match

    found = highlights.fragments("", "の" * 20_000, Pattern())
    assert len(found) == highlights.MAX_FRAGMENTS
    assert len(looked_at) < 1000
