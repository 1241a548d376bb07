"""The hits of ``q`` in their order and pages, with other filters, and what is shown of them."""

import uuid
from datetime import timedelta
from itertools import chain

import pytest

from notes import hits, search
from notes.models import Note
from tests.notes.issuer import START
from tests.notes.test_content import document, paragraph
from tests.notes.test_lists import walk
from tests.notes.test_notes import NOTES, errors_of, make, url_of
from tests.notes.test_search import find, titles

pytestmark = pytest.mark.django_db


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

    def test_what_has_all_of_it_more_often_comes_first_however_far_apart(self, api):
        """Each place compared with all others takes a time that grows with the words squared."""
        make(api, title="often", content=f"apple {'and so on ' * 50}pie {'and so on ' * 50}" * 3)
        make(api, title="once", content=f"apple pie {'and so on ' * 300}")
        assert titles(api, "apple pie") == ["often", "once"]

    def test_of_equals_the_last_changed_comes_first(self, api, user):
        for number in range(3):
            at = START + timedelta(seconds=number)
            Note.objects.create(user=user, title="apple", content=str(number), updated_at=at)
        assert [row["excerpt"] for row in find(api, "apple")] == ["2", "1", "0"]

    @pytest.mark.parametrize("found", [0, 1, 20, 50])
    def test_pages_there_and_back(self, api, user, found):
        times = [START + timedelta(seconds=n // 7) for n in range(found)]
        Note.objects.bulk_create(
            Note(
                user=user,
                title="a" if n % 3 else "apple",
                content="apple " * (n % 5 + 1),
                created_at=time,
                updated_at=time,
            )
            for n, time in enumerate(times)
        )
        url = f"{NOTES}?q=apple&limit=8"
        pages = walk(api, url)
        assert len(pages) == max(-(-found // 8), 1)
        assert [*chain(*pages)] == [row["id"] for row in find(api, "apple")]
        assert len({*chain(*pages)}) == found
        while url:
            last, url = url, api.get(url).json()["next"]
        assert walk(api, last, direction="previous") == pages[::-1]

    def test_of_more_than_can_be_ranked_the_last_changed_are(self, api, user, monkeypatch):
        monkeypatch.setattr(hits, "MAX_ORDERED", 20)
        monkeypatch.setattr(search, "WINDOW", 10)
        times = [START + timedelta(seconds=n) for n in range(21)]
        Note.objects.bulk_create(
            Note(user=user, title=f"apple {n}", created_at=time, updated_at=time)
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
        [" ", "-", '""', "...", "-apple", "a OR -b", "a" * 401, " ".join("a" * 33), "\u0301"],
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
            ("t", "apples red", "apples OR red", ["content: [apples] [red]"]),
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

    def test_of_signs_without_end_where_a_phrase_of_signs_is_asked_for(self, api):
        """A pattern that may match a run of them in many ways is not through within a lifetime."""
        make(api, title="→ → → x", content="→" * 20_000)
        assert self.shown(api, '"→ → → x"') == ["title: [→ → → x]"]

    def test_of_a_block_document(self, api):
        make(api, content=document(paragraph("an ap", "ple"), paragraph("pie")))
        assert self.shown(api, "apple pie") == ["content: an [apple]\n[pie]"]

    def test_a_list_has_none(self, api):
        make(api, title="apple")
        assert "highlights" not in api.get(NOTES).json()["results"][0]
