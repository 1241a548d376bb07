# ruff: noqa: RUF001 - letters that look alike are what this is about
"""What is found by ``q``, in which order, and what is shown of it."""

import io
import json
import unicodedata
import uuid
from datetime import timedelta
from itertools import chain

import orjson
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notes import asked, folding, search
from notes.lists import NoteList
from notes.management.commands import reindex_search
from notes.models import Note, NoteSearch
from tests.notes.issuer import START
from tests.notes.test_content import ALL, document, paragraph
from tests.notes.test_lists import walk
from tests.notes.test_notes import NOTES, errors_of, make, url_of
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(api, ada):
    """Ada's shadow user."""
    api.get(NOTES)
    return User.objects.get(id=ada.id)


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
        assert set(titles(api, "apple or plum")) == {"red apple", "green apple", "blue plum"}
        assert set(titles(api, "red apple OR plum")) == {"red apple", "blue plum"}
        assert set(titles(api, "red -apple or plum")) == {"red pear", "blue plum"}
        assert set(titles(api, "apple -red")) == {"green apple"}
        assert set(titles(api, '"red apple" or "blue plum"')) == {"red apple", "blue plum"}
        assert set(titles(api, 'apple -"red apple"')) == {"green apple"}
        assert set(titles(api, 'red "or" apple')) == set()

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


class TestOrder:
    def test_the_title_stands_above_the_content(self, api):
        make(api, title="apple", content="x")
        make(api, title="a", content="apple " * 300)
        make(api, title="b", content="an apple")
        make(api, title="an apple a day", content="apple")
        found = titles(api, "apple")
        assert set(found[:2]) == {"apple", "an apple a day"}
        assert found[2:] == ["a", "b"]

    def test_so_it_does_for_several_words_however_far_apart(self, api):
        make(api, title=f"apple {'and so on ' * 20}pie")
        make(api, title="content", content="apple pie " * 20)
        make(api, title="apple", content="pie")
        assert [title[:5] for title in titles(api, "apple pie")] == ["apple", "conte", "apple"]

    def test_of_equals_the_last_changed_comes_first(self, api, owner):
        for number in range(3):
            at = START + timedelta(seconds=number)
            Note.objects.create(user=owner, title="apple", content=str(number), updated_at=at)
        assert [row["excerpt"] for row in find(api, "apple")] == ["2", "1", "0"]

    @pytest.mark.parametrize("hits", [0, 1, 20, 50])
    def test_pages_there_and_back(self, api, owner, hits):
        times = [START + timedelta(seconds=n // 7) for n in range(hits)]
        Note.objects.bulk_create(
            Note(
                user=owner,
                title="a" if n % 3 else "apple",
                content="apple " * (n % 5 + 1),
                created_at=time,
                updated_at=time,
            )
            for n, time in enumerate(times)
        )
        url = f"{NOTES}?q=apple&limit=8"
        pages = walk(api, url)
        assert len(pages) == max(-(-hits // 8), 1)
        assert [*chain(*pages)] == [row["id"] for row in find(api, "apple")]
        assert len({*chain(*pages)}) == hits
        while url:
            last, url = url, api.get(url).json()["next"]
        assert walk(api, last, direction="previous") == pages[::-1]

    def test_of_more_than_can_be_ranked_the_last_changed_are(self, api, owner, monkeypatch):
        monkeypatch.setattr(search, "MAX_ORDERED", 20)
        monkeypatch.setattr(search, "WINDOW", 10)
        times = [START + timedelta(seconds=n) for n in range(21)]
        Note.objects.bulk_create(
            Note(user=owner, title=f"apple {n}", created_at=time, updated_at=time)
            for n, time in enumerate(times)
        )
        pages = walk(api, f"{NOTES}?q=apple&limit=4", key="title")
        assert [*chain(*pages)] == [f"apple {n}" for n in range(20, 10, -1)]
        assert titles(api, "apple -20") == [f"apple {n}" for n in range(19, 9, -1)]
        Note.objects.get(title="apple 3").delete()
        assert len(titles(api, "apple")) == 20


class TestFilters:
    def test_with_the_others(self, api):
        note = make(api, title="apple", tags=["fruit"])
        make(api, title="apple pie", tags=["cake"])
        api.post(f"{url_of(note)}archive/")
        assert titles(api, "apple", archived="true") == ["apple"]
        assert titles(api, "apple", archived="false") == ["apple pie"]
        assert titles(api, "apple", tag="fruit") == ["apple"]
        assert titles(api, "apple", tag="none") == []
        assert titles(api, "", tag="fruit") == ["apple"]
        assert titles(api, "apple", tag=["fruit", "cake"]) == []
        assert set(titles(api, "apple", tag=["fruit", "cake"], tag_match="any")) == {
            "apple",
            "apple pie",
        }
        assert titles(api, "apple", created_before="2020-01-01T00:00:00Z") == []
        assert len(titles(api, "apple", updated_after="2020-01-01T00:00:00Z")) == 2

    def test_in_another_order(self, api):
        for title in ("b apple", "a", "c apple"):
            make(api, title=title, content="apple")
        assert titles(api, "apple", order="title") == ["a", "b apple", "c apple"]
        assert titles(api, "apple", order="-title") == ["c apple", "b apple", "a"]
        assert titles(api, "apple")[2] == titles(api, "apple", order="")[2] == "a"
        pages = walk(api, f"{NOTES}?q=apple&order=title&limit=1", key="title")
        assert [*chain(*pages)] == ["a", "b apple", "c apple"]

    def test_a_cursor_is_of_one_search(self, api):
        for _ in range(3):
            make(api, title="apple pie")
        url = api.get(f"{NOTES}?q=apple&limit=1").json()["next"]
        assert api.get(url).status_code == 200
        for other in (url.replace("q=apple", "q=pie"), url.replace("&q=apple", "")):
            assert errors_of(api.get(other)) == {("cursor", "invalid")}
        assert errors_of(api.get(f"{NOTES}?q=a&q=b")) == {("q", "invalid")}

    def test_only_ones_own_and_none_of_the_trash(self, api, bobs_api, sign_in, ada):
        make(bobs_api, title="apple")
        # Another user whose id ends as Ada's does: their words lie together in the index.
        twin = type(ada)("twin", id=uuid.UUID(f"{uuid.uuid4().hex[:26]}{ada.id.hex[-6:]}"))
        make(sign_in(twin), title="apple twin")
        mine = make(api, title="apple mine")
        assert titles(api, "apple") == ["apple mine"]
        api.delete(url_of(mine))
        assert titles(api, "apple") == []
        api.post(f"/api/v1/trash/{mine['id']}/restore/")
        assert titles(api, "apple") == ["apple mine"]

    @pytest.mark.parametrize(
        "q",
        [" ", "-", '""', "...", "-apple", "a or -b", "a" * 401, " ".join("a" * 33), "\u0301", "or"],
    )
    def test_what_cannot_be_asked(self, api, q):
        assert errors_of(api.get(NOTES, {"q": q})) == {("q", "invalid")}

    @pytest.mark.parametrize(
        "q",
        [
            "'",
            "\\",
            ":*",
            "a & b | !c",
            "<->",
            '"',
            '"a',
            "a\x00b",
            "(",
            "a:*",
            "%s",
            "' OR 1=1",
            "\ud800".encode("utf-8", "surrogatepass"),
            "%",
            "$$",
            "{}",
            "a" * 400,
            "🎉" * 400,
        ],
    )
    def test_whatever_is_asked_is_answered(self, api, q):
        make(api, title="a b c")
        response = api.get(NOTES, {"q": q})
        assert response.status_code in (200, 400)
        if response.status_code == 400:
            assert errors_of(response) == {("q", "invalid")}

    def test_it_takes_so_many_queries(self, api, django_assert_num_queries):
        for number in range(30):
            make(api, title=f"apple {number}", tags=[f"tag {number}", "shared"])
        for limit in (1, 30):
            with django_assert_num_queries(3):  # user, hits, page
                assert len(find(api, '"apple" -pie', limit=limit)) == limit


class TestHighlights:
    def shown(self, api, q):
        """Each highlight as text, with the matches in brackets."""
        (row,) = find(api, q)
        return [
            highlight["field"]
            + ": "
            + "".join(
                f"[{segment['text']}]" if segment["match"] else segment["text"]
                for segment in highlight["segments"]
            )
            for highlight in row["highlights"]
        ]

    @pytest.mark.parametrize(
        ("title", "content", "q", "shown"),
        [
            ("An apple", "x", "apple", ["title: An [apple]"]),
            ("An apple", "x", "app", ["title: An [app]le"]),
            ("t", "Crème Brûlée", "brulee", ["content: Crème [Brûlée]"]),
            ("t", "e\u0301te\u0301 x", "été", ["content: [e\u0301te\u0301] x"]),
            ("t", "Straße und Gasse", "strasse", ["content: [Straße] und Gasse"]),
            ("t", "a foo-bar b", "foo-bar", ["content: a [foo-bar] b"]),
            ("t", "a foo, bar b", '"foo bar"', ["content: a [foo, bar] b"]),
            ("t", "pie apple", "apple -tart", ["content: pie [apple]"]),
            ("t", "我在東京都", "東京", ["content: 我在[東京]都"]),
            ("t", "a 👩‍👩‍👧 b", "👩‍👩‍👧", ["content: a [👩‍👩‍👧] b"]),
            ("t", "<b>apple</b>&lt;", "apple", ["content: <b>[apple]</b>&lt;"]),
            ("t", "pineapple apple", "apple", ["content: pineapple [apple]"]),
            ("t", "apples red", "apples or red", ["content: [apples] [red]"]),
        ],
    )
    def test_the_places_as_they_are_written(self, api, title, content, q, shown):
        make(api, title=title, content=content)
        assert self.shown(api, q) == shown

    def test_fragments_of_a_long_text(self, api):
        make(api, content=("word " * 100 + "apple ") * 5)
        shown = self.shown(api, "apple")
        assert len(shown) == 3
        assert all("[apple]" in fragment and len(fragment) < 250 for fragment in shown)
        assert all(fragment.startswith("content: word ") for fragment in shown)

    def test_of_a_block_document(self, api):
        make(api, content=document(paragraph("an ap", "ple"), paragraph("pie")))
        assert self.shown(api, "apple pie") == ["content: an [apple]\n[pie]"]

    def test_a_list_has_none(self, api):
        make(api, title="apple")
        assert "highlights" not in api.get(NOTES).json()["results"][0]


class TestByHand:
    def sql(self, statement, *parameters):
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    def test_what_is_written_by_sql_is_found_at_once(self, api, owner):
        self.sql("INSERT INTO notes (user_id, title) VALUES (%s, 'apple')", owner.id)
        assert titles(api, "apple") == ["apple"]
        self.sql("UPDATE notes SET title = 'pear', content = 'a plum'")
        assert titles(api, "apple") == []
        assert titles(api, "pear plum") == ["pear"]
        content = json.dumps(document(paragraph("cherry")))
        self.sql("UPDATE notes SET content_format = 'blocks', content = %s", content)
        assert titles(api, "cherry") == ["pear"]
        assert titles(api, "paragraph") == []
        self.sql("DELETE FROM notes")
        assert titles(api, "pear") == []
        assert self.sql("SELECT count(*) FROM note_search") is None

    def test_a_note_that_changes_hands_is_found_by_its_owner_alone(self, api, bobs_api, owner, bob):
        make(api, title="apple")
        bobs_api.get(NOTES)
        Note.objects.update(user=bob.id)
        assert (titles(api, "apple"), titles(bobs_api, "apple")) == ([], ["apple"])


class TestLanguage:
    def reindex(self, settings, language, *options):
        settings.NOTES_SEARCH_LANGUAGE = language
        out = io.StringIO()
        call_command("reindex_search", *options, stdout=out)
        return out.getvalue().strip()

    def test_it_knows_the_forms_of_words(self, api, settings, monkeypatch):
        monkeypatch.setattr(reindex_search, "BATCH", 2)
        before = [
            make(api, title=f"The dogs are running {n}", content="東京都")["id"] for n in range(5)
        ]
        states = list(Note.objects.values())
        assert titles(api, "dog runs") == []
        assert self.reindex(settings, "english") == "5 notes indexed, language english"
        assert list(Note.objects.values()) == states
        make(api, title="A dog runs")
        found = find(api, '"dog" run')
        assert {row["id"] for row in found} >= set(before)
        assert len(found) == 6
        assert [s["text"] for s in found[-1]["highlights"][0]["segments"] if s["match"]] == [
            "dogs",
            "running",
        ]
        assert len(titles(api, "東京 the dogs")) == 5
        assert titles(api, "the") == []
        answer = json.loads(self.reindex(settings, "simple", "--json"))
        assert answer == {"language": "simple", "notes": 6}
        assert len(titles(api, "the")) == 5
        assert len(titles(api, "dogs")) == 5

    def test_every_language_of_the_settings_is_one(self, api, settings):
        make(api, title="title")
        for language in settings.SEARCH_LANGUAGES:
            self.reindex(settings, language)
            assert titles(api, "title") == ["title"]

    def test_an_index_that_was_lost_is_made_again(self, api, settings):
        make(api, title="apple")
        NoteSearch.objects.all().delete()
        assert titles(api, "apple") == []
        self.reindex(settings, "simple")
        assert titles(api, "apple") == ["apple"]


class TestPlan:
    @pytest.fixture
    def many(self, bobs_api, owner, bob):
        """Notes of Ada and as many of Bob, all of which have one word."""
        bobs_api.get(NOTES)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, title, updated_at)"
                " SELECT someone, 'common w' || n, now() - n * interval '1 s'"
                " FROM generate_series(1, 12000) AS n, unnest(%s::uuid[]) AS someone",
                [[owner.id, bob.id]],
            )
            # Each has a tag: what the planner does with an empty table that was full says nothing.
            cursor.execute("INSERT INTO tags (name) VALUES ('tag')")
            cursor.execute("INSERT INTO note_tags SELECT notes.id, tags.id FROM notes, tags")
            cursor.execute("ANALYZE notes, note_search, tags, note_tags")
            # As for a table that is larger, or on an SSD.
            cursor.execute("SET LOCAL random_page_cost = 1.1")

    def asked(self, owner, q, **options):
        """The notes found, and the plan of the statement that found them."""
        wanted = search.SearchResults(NoteList(owner.id, **options), asked.parse(q))
        with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
            page = wanted.page(None, 3)
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) {queries[-1]['sql']}")
            nodes = [cursor.fetchone()[0][0]["Plan"]]
        for node in nodes:
            nodes += node.get("Plans", [])
        return [row["title"] for row in orjson.loads(page.rows)], nodes

    def indexes(self, nodes):
        """Those of the two large tables, of which neither may be read whole."""
        large = [node for node in nodes if node.get("Relation Name") in ("notes", "note_search")]
        assert not [node for node in large if "Seq Scan" in node["Node Type"]], nodes
        return {node["Index Name"] for node in large if "Index Name" in node}

    def test_few_hits_are_read_by_key(self, owner, many):
        found, nodes = self.asked(owner, "common w77")
        assert found == ["common w77", "common w770", "common w771"]
        assert self.indexes(nodes) == {"notes_by_id", "note_search_pkey"}
        hits = next(node for node in nodes if node["Node Type"] == "Function Scan")
        assert hits["Actual Rows"] == 111
        # The rows, and of the index two words of one user: not the 24,000 rows with the word.
        assert nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"] < 1500

    @pytest.mark.parametrize("archived", [False, None])
    def test_of_very_many_the_last_changed_are_read_in_the_lists_order(
        self, owner, many, monkeypatch, archived
    ):
        monkeypatch.setattr(search, "WINDOW", 30)
        monkeypatch.setattr(search, "LOOKED_AT", 100)
        found, nodes = self.asked(owner, "common", archived=archived)
        assert found == ["common w1", "common w2", "common w3"]
        assert "notes_by_updated_at" in self.indexes(nodes)
        assert nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"] < 2000
