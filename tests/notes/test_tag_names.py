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
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("a" * MAX_LENGTH, "a" * MAX_LENGTH),
        ("...", "..."),
        (".net/a.b", ".net/a.b"),
        ("/a//b/", "/a//b/"),
    ],
)
def test_the_one_form(name, expected):
    assert normalise(name) == expected


@pytest.mark.parametrize("name", ["", " \t", "a" * 101, "ﷺ" * 6, "a\x00", "\x1b[0m", "\ud800"])
@pytest.mark.parametrize("function", [normalise, normalise_prefix])
def test_what_is_no_name(function, name):
    with pytest.raises(InvalidTagName):
        function(name)


@pytest.mark.parametrize("name", [".", "..", " . ", "\u2024", "\u2025", "../a", "a/./b", "a/.."])
def test_what_no_path_can_hold_is_no_name_but_may_begin_one(name):
    assert normalise_prefix(name)
    with pytest.raises(InvalidTagName):
        normalise(name)


@given(st.text(max_size=120))
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
