# ruff: noqa: RUF001 - letters that look alike are what this is about
"""What is found by ``q``: words, letters, scripts."""

import unicodedata
import uuid

import pytest
from django.db import connection

from notes import asked, folding
from notes.models import Note
from tests.notes.test_content import ALL
from tests.notes.test_notes import NOTES, make, url_of

pytestmark = pytest.mark.django_db


def find(api, q, **parameters):
    response = api.get(NOTES, {"q": q, "archived": "any", "limit": 100, **parameters})
    assert response.status_code == 200, response.content
    return response.json()["results"]


def titles(api, q, **parameters):
    return [row["title"] for row in find(api, q, **parameters)]


def is_found(api, text, q):
    """Whether q finds a note of this content, and one of this title."""
    Note.objects.all().delete()
    make(api, title="content", content=text)
    if text.strip() and len(text) <= 500:
        make(api, title=text)
    found = find(api, q)
    assert len(found) in (0, Note.objects.count()), found
    return bool(found)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "q"),
        [
            ("The quick brown fox", "quick"),
            ("The quick brown fox", "QUICK fox"),
            ("The quick brown fox", "bro"),
            ("The quick brown fox", "fox qui"),
            ("a foo/bar b", "bar"),
            ("foo-bar", "bar"),
            ("foo-bar", "foo-bar"),
            ("x foo.bar@example.com y", "example"),
            ("x foo.bar@example.com y", "foo.bar@example.com"),
            ("https://example.com/path?query=1", "path"),
            ("don't", "don't"),
            ("don't", "don’t"),
            ("<b>bold</b> &amp; snake_case", "snake"),
            ("<b>bold</b> a", "b"),
            ("1.2.3 -5 1e5 0x1F", "1.2.3"),
            ("1.2.3 -5 1e5 0x1F", "5"),
            ("1.2.3 -5 1e5 0x1F", "0x1f"),
            ("a, b; c", '"a b c"'),
            ("line\nbreak", '"line break"'),
            ("x" * 400, "x" * 399),
        ],
    )
    def test_found(self, api, text, q):
        assert is_found(api, text, q)

    @pytest.mark.parametrize(
        ("text", "q"),
        [
            ("The quick brown fox", "quick cat"),
            ("The quick brown fox", "uick"),
            ("The quick brown fox", "qui fox"),
            ("The quick brown fox", '"brown quick"'),
            ("The quick brown fox", '"brown f"'),
            ("The quick brown fox", "quick -fox"),
            ("The quick brown fox", 'quick -"brown fox"'),
            ("foo x bar", "foo-bar"),
        ],
    )
    def test_not_found(self, api, text, q):
        assert not is_found(api, text, q)

    def test_alternatives_and_exclusion(self, api):
        for title in ("red apple", "green apple", "red pear", "blue plum"):
            make(api, title=title)
        assert set(titles(api, "apple OR plum")) == {"red apple", "green apple", "blue plum"}
        assert set(titles(api, "red apple OR plum")) == {"red apple", "blue plum"}
        assert set(titles(api, "red -apple OR plum")) == {"red pear", "blue plum"}
        assert set(titles(api, "apple -red")) == {"green apple"}
        assert set(titles(api, '"red apple" OR "blue plum"')) == {"red apple", "blue plum"}
        assert set(titles(api, 'apple -"red apple"')) == {"green apple"}

    def test_an_or_that_is_no_operator_is_a_word(self, api):
        for title in ("argent", "argent et or", "or"):
            make(api, title=title)
        for q in ("argent or", "or argent", "argent OR", "OR argent", 'argent "OR"'):
            assert titles(api, q) == ["argent et or"], q
        assert titles(api, "argent -OR") == ["argent"]
        for q in ("or", "OR", "OR ..."):
            assert set(titles(api, q)) == {"argent et or", "or"}, q
        for q in ("or OR argent", "argent OR OR", "OR OR argent OR"):
            assert len(titles(api, q)) >= 2, q

    def test_what_is_not_so_is_not_excluded(self, api):
        make(api, title="手机 of apple")
        make(api, title="手机 of", content="apple")
        assert set(titles(api, "apple -apple手机")) == {"手机 of apple", "手机 of"}

    def test_block_text_and_not_block_syntax(self, api):
        make(api, title="t", content=ALL)
        words = "heading marked mail bullet number quoted print called within alt image mark c d"
        for word in [*words.split(), "to do", "example.com/x"]:
            assert titles(api, f'"{word}"') == ["t"], word
        for word in ["linked", "python", "true", "checked", "paragraph", "blocks", "doc", "bold"]:
            assert titles(api, f'"{word}"') == [], word

    def test_a_long_text_is_found_to_its_end(self, api):
        words = " ".join(f"w{number} again" for number in range(40_000))
        make(api, title="long", content=f"{words} the very end")
        assert titles(api, "w39999 w0") == ["long"]
        assert titles(api, '"very end"') == ["long"]
        assert titles(api, '"again the very end"') == ["long"]
        assert titles(api, '"very again"') == []
        assert titles(api, '"end very"') == []

    @pytest.mark.parametrize(
        ("again", "end"), [("今天天气很好", "終端語"), ("สวัสดี", "จบข้อ"), ("안녕 ", "끝말")]
    )
    def test_a_long_text_without_blanks_is_found_to_its_end(self, api, again, end):
        size = 2**20 // 3
        make(api, title="long", content=(again * size)[: size - len(end)] + end)
        assert titles(api, end) == ["long"]
        assert titles(api, end[::-1]) == []

    def test_a_text_with_more_words_than_an_index_holds_is_kept(self, api):
        text = " ".join(uuid.UUID(int=number).hex[-8:] + "z" for number in range(100_000))
        note = make(api, title="title", content=text)
        assert api.get(url_of(note)).json()["content"] == text
        assert titles(api, "title 00000001z") == ["title"]
        make(api, title="one word", content="a" * 2**20)
        assert titles(api, "one") == ["one word"]


class TestLetters:
    @pytest.mark.parametrize(
        ("text", "q"),
        [
            ("Straße", "strasse"),
            ("STRASSE", "straße"),
            ("GROẞ", "gross"),
            ("İstanbul", "istanbul"),
            ("ISTANBUL", "istanbul"),
            ("ılık", "ILIK"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
            ("Málaga", "malaga"),
            ("Malaga", "MÁLAGA"),
            ("e\u0301te\u0301", "été"),
            ("été", "e\u0301te\u0301"),
            ("Ångström", "angstrom"),
            ("smørrebrød Łódź", "smorrebrod lodz"),
            ("œuvre Ægir", "oeuvre aegir"),
            ("Việt Nam", "viet"),
            ("ﬁne ＦＵＬＬ", "fine full"),
            ("Ёлка", "елка"),
            ("МОСКВА", "москва"),
            ("שָׁלוֹם", "שלום"),
            ("שלום עולם", "עולם"),
            ("السَّلَامُ عليكم", "السلام"),
            ("हिन्दी भाषा", "हिन्दी"),
            ("a\u00adb\u200bc", "abc"),
            ("𝔘nicode 𝟙", "unicode 1"),
            ("𐐔𐐯𐑅𐐨𐑉𐐯𐐻", "𐐔𐐯𐑅"),
            ("Ⅷ ½ ²", "viii"),
        ],
    )
    def test_found(self, api, text, q):
        assert is_found(api, text, q)

    @pytest.mark.parametrize(
        "q", ["👩", "👩‍👩‍👧", "party 🎉", "🎉", "🇩🇪", "👍🏽", "👍", "❤", "❤️", "✓"]
    )
    def test_emoji(self, api, q):
        assert is_found(api, "party 🎉🎊 👩‍👩‍👧 in 🇩🇪 👍🏽 ❤️ ✓", q)
        assert not is_found(api, "party 🎊 👨‍👨‍👦 in 🇫🇷 👎 ✗", q)

    @pytest.mark.parametrize(
        ("title", "q"),
        [
            ("𐍈" * 500, "𐍈𐍈𐍈"),
            ("ß" * 500, "s" * 1000),
            ("e\u0301" * 250, "é" * 250),
            ("שלום " * 100, "שלום"),
            ("👩\u200d🚀" * 166, "👩\u200d🚀👩"),
            ("x" * 496 + " end", "end"),
        ],
    )
    def test_titles_as_long_as_they_may_be(self, api, title, q):
        note = make(api, title=title.strip())
        assert api.get(url_of(note)).json()["title"] == title.strip()
        if len(q) <= asked.MAX_LENGTH:
            assert titles(api, q) == [title.strip()]
        assert titles(api, title[:100]) == [title.strip()]

    def test_folding_is_the_same_in_the_database(self):
        """Each character by itself and with an accent, as far as both know it."""
        known = [
            chr(code)
            for code in range(1, 0x110000)
            if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
        ]
        texts = [f"a{sign}e\u0301{sign}" for sign in known]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT array_agg(notes_fold(t) ORDER BY n) FROM unnest(%s::text[])"
                " WITH ORDINALITY AS u (t, n)",
                [texts],
            )
            (folded,) = cursor.fetchone()
        different = [
            (f"U+{ord(sign):04X}", unicodedata.name(sign, ""), here, folding.fold(text))
            for sign, text, here in zip(known, texts, folded, strict=True)
            if here != f" {folding.fold(text)} "
        ]
        assert different == []


class TestScriptsWithoutBlanks:
    TEXTS = (
        "我昨天在東京都買了三本書。北京大学很大",
        "東京都の天気は晴れです。コーヒーを飲む",
        "대한민국 서울특별시에서 만났습니다",
        "ผมชอบกินข้าวผัดที่กรุงเทพมหานคร",
        "ຂ້ອຍຮັກລາວ ភាសាខ្មែរ မြန်မာစာ",
    )

    @pytest.mark.parametrize("text", TEXTS)
    def test_any_characters_of_a_text_find_it(self, api, text):
        note = make(api, title="t", content=f"xyz {text} abc")
        make(api, title="other", content=text[::-1])
        for length in (1, 2, 3, 5, 9):
            for start in range(len(text) - length + 1):
                part = text[start : start + length]
                # A vowel sign or an accent alone is no character of its own.
                if folding.fold(part) and not unicodedata.combining(part[0]):
                    assert note["id"] in [row["id"] for row in find(api, part)], part

    @pytest.mark.parametrize(
        ("text", "q"),
        [
            ("東京都", "京東"),
            ("東京と京都", "東京都"),
            ("東 京", "東京"),
            ("北京大学", "北大"),
            ("서울특별시", "서울시"),
            ("コーヒー", "コヒ"),
            ("กรุงเทพ", "เทพกรุง"),
            ("AB東京", '"A 東京"'),
        ],
    )
    def test_what_is_not_in_it_does_not(self, api, text, q):
        assert not is_found(api, text, q)

    @pytest.mark.parametrize(
        ("text", "q"),
        [
            ("iPhoneの手機", "iphone 手機"),
            ("新しいiPhone15です", "iphone15"),
            ("新しいiPhone15です", "いiPhone"),
            ("ｶﾞｷﾞ ガギ", "ガギ"),
            ("か\u3099", "が"),
            ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
            ("東京、大阪", '"東京 大阪"'),
            ("𠮷野家", "𠮷野"),
        ],
    )
    def test_mixed_and_composed(self, api, text, q):
        assert is_found(api, text, q)

    def test_far_into_a_long_text(self, api):
        text = "".join(chr(0x4E00 + (n * 7919) % 3000) for n in range(60_000))
        make(api, title="long", content=f"{text}東京都庁{'です。' * 2000}最後の言葉")
        for q in ("東京都庁", "最後の言葉", "です", text[30_000:30_007]):
            assert titles(api, q) == ["long"], q
        assert titles(api, "京東都庁") == []
