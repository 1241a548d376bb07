# ruff: noqa: RUF001 - letters that look alike are what this is about
"""What is found, and shown, where a script without blanks meets words and numbers."""

import unicodedata

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notes import asked, search
from notes.lists import NoteList
from notes.models import Note

pytestmark = pytest.mark.django_db


def shown(user, text, q):
    """The matches in a note of this content, or of this title; None where it is not found."""
    answers = []
    for field in ("content", "title"):
        note = Note.objects.create(user=user, **{field: text})
        page = search.SearchResults(NoteList(user.id), asked.parse(q)).page(None, 1)
        note.delete()
        rows = orjson.loads(page.rows)
        segments = [
            each for row in rows for found in row["highlights"] for each in found["segments"]
        ]
        answers.append([each["text"] for each in segments if each["match"]] if rows else None)
    assert answers[0] == answers[1]
    return answers[0]


PHONE = "买了iphone手机和iPad"


@pytest.mark.parametrize(
    ("text", "q", "matches"),
    [
        (PHONE, "iphone手机", ["iphone手机"]),
        (PHONE, "iphone", ["iphone"]),
        (PHONE, '"iPhone"', ["iphone"]),
        (PHONE, "iph", ["iph"]),
        (PHONE, "了iphone", ["了iphone"]),
        (PHONE, '"了iphone"', ["了iphone"]),
        (PHONE, "机和ipad", ["机和iPad"]),
        (PHONE, "和ip", ["和iP"]),
        (PHONE, "iphone 手机 ipad", ["iphone", "手机", "iPad"]),
        (PHONE, "iphone -ipad手机", ["iphone"]),
        (PHONE, "iphone -iphone手机", None),
        (PHONE, "phone手机", None),
        (PHONE, "hone", None),
        (PHONE, '"iphon手机"', None),
        (PHONE, '"和ip"', None),
        (PHONE, "ipad手机", None),
        ("在2024年11月", "11月", ["11月"]),
        ("在2024年11月", "年11月", ["年11月"]),
        ("在2024年11月", "2024年11月", ["2024年11月"]),
        ("在2024年11月", '"2024" 月', ["2024", "月"]),
        ("在2024年11月", "1月", None),
        ("在2024年11月", '"年1"', None),
        ("用docker部署", "docker部署", ["docker部署"]),
        ("他用Python写脚本", "python写", ["Python写"]),
        ("新しいiPhone15です", "iPhone15で", ["iPhone15で"]),
        ("カタカナDVDレンタル", "DVDレンタル", ["DVDレンタル"]),
        ("ｶﾞｷﾞDVDﾚﾝﾀﾙ", "ギDVDレ", ["ｷﾞDVDﾚ"]),
        ("나는iPhone을 샀다", "iphone을", ["iPhone을"]),
        ("제3회 대회", "3회", ["3회"]),
        ("서울Москва부산", "москва부", ["Москва부"]),
        ("在Москва工作", '"в" OR "москва工作"', ["Москва工作"]),
        ("ซื้อiPhone15ใหม่", "iphone15ใหม่", ["iPhone15ใหม่"]),
        ("ปี2567ครับ", "2567ครับ", ["2567ครับ"]),
        ("ຊື້iPhoneໃໝ່", "iphoneໃໝ່", ["iPhoneໃໝ່"]),
        ("ទិញiPhoneថ្មី", "iphoneថ្មី", ["iPhoneថ្មី"]),
        ("ဖုန်းiPhoneအသစ်", "iphoneအသစ်", ["iPhoneအသစ်"]),
        ("去Zürich和Straße玩", "zurich和strasse玩", ["Zürich和Straße玩"]),
        ("共10㎏重", "10kg重", ["10㎏重"]),
        ("好👍🏽ok👌了", "👍ok👌", ["👍🏽ok👌"]),
        # With a blank between or without.
        ("买了 iPhone 手机", "iphone手机", ["iPhone 手机"]),
        ("买了iPhone手机", '"iphone 手机"', ["iPhone手机"]),
        ("买了iPhone，手机", "iphone手机", ["iPhone，手机"]),
        ("买了iPhone的手机", "iphone手机", None),
        ("东 京iphone", "东京iphone", None),
    ],
)
def test_found_and_shown(user, text, q, matches):
    assert shown(user, text, q) == matches


RUNS = ["北京大学", "東京都", "コーヒー", "がぎ", "서울", "กรุงเทพ", "ຮັກລາວ", "ភាសា", "မြန်မာ", "🎉"]
WORDS = ["iphone", "Zürich", "Straße", "x", "11", "2024", "Москва", "ёлка", "हिन्दी", "שלום"]


@st.composite
def parts(draw):
    """A text, and two or more characters of it, which begin and end in no word."""
    pieces = draw(st.lists(st.sampled_from([*RUNS, *WORDS, " ", "，"]), min_size=1, max_size=6))
    text = "".join(pieces)
    in_word = "".join(("w" if piece in WORDS else "-") * len(piece) for piece in pieces)
    ends = [
        place
        for place in range(len(text) + 1)
        if in_word[max(place - 1, 0) : place + 1] != "ww"
        and not unicodedata.combining(text[place : place + 1] or " ")
    ]
    first, last = draw(st.tuples(st.sampled_from(ends), st.sampled_from(ends)).map(sorted))
    return text, text[first:last]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts().filter(lambda drawn: len(drawn[1].strip(" ，")) > 1))
def test_any_part_of_a_text_finds_it_and_is_shown(user, drawn):
    text, part = drawn
    for q in (part, f'"{part}"'):
        assert shown(user, text, q), q
