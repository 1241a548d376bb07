# ruff: noqa: RUF001 - letters that look alike are what this is about
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notes.tag_names import MAX_LENGTH, InvalidTagName, normalise, normalise_prefix


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Work", "work"),
        ("  two \t\n words\u00a0here ", "two words here"),
        ("Straße", "strasse"),
        ("\uff26\uff35\uff2c\uff2c", "full"),
        ("e\u0301", "é"),
        ("\u0345", "\u03b9"),
        ("İ", "i̇"),
        ("a\u200b", "a"),
        ("\u202eWo\u00adrk\ufe0f\U000e0041", "work"),
        (" e\u034f\u0301 \u3164", "é"),
        ("가\uffa0", "가"),
        # What is seen of a name stays.
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("👩\u200d\u200b\u200d🚀\u200d", "👩\u200d🚀"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("™\ufe0f", "tm"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("می\u200c", "می"),
        ("a" * MAX_LENGTH, "a" * MAX_LENGTH),
        ("...", "..."),
        (".net/a.b", ".net/a.b"),
        ("/a//b/", "/a//b/"),
    ],
)
def test_the_one_form(name, expected):
    assert normalise(name) == (name if expected is None else expected)


INVISIBLE = ["\u200b", "\u00ad", "\ufeff", "\u2060", "\u034f", "\u3164", "\u202e", "\ufe0f \u200d"]


@pytest.mark.parametrize(
    "name", ["", " \t", *INVISIBLE, "a" * 101, "ﷺ" * 6, "a\x00", "\x1b[0m", "\ud800"]
)
@pytest.mark.parametrize("function", [normalise, normalise_prefix])
def test_what_is_no_name(function, name):
    with pytest.raises(InvalidTagName):
        function(name)


@pytest.mark.parametrize("name", [".", "..", " . ", "\u2024", "\u2025", "../a", "a/./b", "a/.."])
def test_what_no_path_can_hold_is_no_name_but_may_begin_one(name):
    assert normalise_prefix(name)
    with pytest.raises(InvalidTagName):
        normalise(name)


HIDDEN = (
    "\u00ad\u034f\u115f\u180e\u200b\u200c\u200d\u2066\u3164\ufe0e\ufe0f\uffa0\U000e0067\U000e007f"
)
BESIDE = "aÉ\u0301\u0345 1\u20e3™❤👩🏽🏴می\u064eक\u094dΣßǰ"


def test_what_shows_nothing_is_looked_at_once_however_much_it_is():
    assert normalise("a" + "\u200d\u200b" * 10**6 + "b") == "ab"


@given(st.text(max_size=120) | st.text(st.sampled_from(HIDDEN + BESIDE), max_size=20))
def test_a_name_is_one_form_of_itself_that_the_database_takes(name):
    try:
        normal = normalise(name)
    except InvalidTagName:
        return
    assert normalise(normal) == normal
    assert normalise(normal.upper()) in (normal, normalise(name.upper()))
    assert 1 <= len(normal) <= MAX_LENGTH
    assert unicodedata.is_normalized("NFKC", normal)
    assert normal == normal.strip()
    normal.encode()
