"""What the search reads: kept for SQL by hand too, in its language, and by which plan."""

import io
import json
import uuid

import orjson
import pytest
from django.core.management import call_command
from django.db import connection

from notes import asked, hits, search
from notes.lists import NoteList
from notes.management.commands import reindex_search
from notes.models import Note, NoteSearch
from tests.notes.test_content import document, paragraph
from tests.notes.test_notes import NOTES, make
from tests.notes.test_search import find, titles
from tests.plans import buffers, explained, nodes

pytestmark = pytest.mark.django_db


class TestByHand:
    def sql(self, statement, *parameters):
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    def test_what_is_written_by_sql_is_found_at_once(self, api, user):
        self.sql("INSERT INTO notes (user_id, title) VALUES (%s, 'apple')", user.id)
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

    def test_a_note_that_changes_hands_is_found_by_its_owner_alone(self, api, bobs_api, user, bob):
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
        marked = [
            [s["text"] for s in row["highlights"][0]["segments"] if s["match"]] for row in found
        ]
        assert sorted(marked) == [["dog", "runs"], *[["dogs", "running"]] * 5]
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
    @pytest.fixture(scope="class")
    @classmethod
    def owner(cls, _for_all_tests):
        """Has many notes, as somebody else has, and all have one word."""
        owner, other = uuid.uuid4(), uuid.uuid4()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO users (id, username) VALUES (%s, 'owner'), (%s, 'other')",
                [owner, other],
            )
            cursor.execute(
                "INSERT INTO notes (user_id, title, updated_at)"
                " SELECT someone, 'common w' || n, now() - n * interval '1 s'"
                " FROM generate_series(1, 12000) AS n, unnest(%s::uuid[]) AS someone",
                [[owner, other]],
            )
            # Each has a tag: what the planner does with an empty table that was full says nothing.
            cursor.execute("INSERT INTO tags (name) VALUES ('tag')")
            cursor.execute("INSERT INTO note_tags SELECT notes.id, tags.id FROM notes, tags")
            cursor.execute("ANALYZE notes, note_search, tags, note_tags")
            # As for a table that is larger, or on an SSD.
            cursor.execute("SET LOCAL random_page_cost = 1.1")
        return owner

    def asked(self, owner, q, **options):
        """The notes found, and the plan of the statement that found them."""
        wanted = search.SearchResults(NoteList(owner, **options), asked.parse(q))
        with explained() as plans:
            page = wanted.page(None, 3)
        return [row["title"] for row in orjson.loads(page.rows)], plans[-1]

    def indexes(self, plan):
        """Those of the two large tables, of which neither may be read whole."""
        tables = ("notes", "note_search")
        large = [node for node in nodes(plan) if node.get("Relation Name") in tables]
        assert not [node for node in large if "Seq Scan" in node["Node Type"]], plan
        return {node["Index Name"] for node in large if "Index Name" in node}

    def test_few_hits_are_read_by_key(self, owner):
        found, plan = self.asked(owner, "common w77")
        assert found == ["common w77", "common w770", "common w771"]
        assert self.indexes(plan) == {"notes_by_id", "note_search_pkey"}
        call = next(node for node in nodes(plan) if node["Node Type"] == "Function Scan")
        assert call["Actual Rows"] == 111
        # The rows, and of the index two words of one user: not the 24,000 rows with the word.
        assert buffers(plan) < 1500

    @pytest.mark.parametrize(("words", "read"), [(254, False), (255, True), (256, True)])
    def test_for_a_phrase_a_text_is_read_where_the_index_has_lost_its_place(
        self, api, user, words, read
    ):
        make(api, title="x", content="apple " * words + "pie")
        assert titles(api, '"apple pie"') == ["x"]
        assert titles(api, '"pie apple"') == []
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION notes_fold(written text) RETURNS text"
                " LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT ' pie apple ' $$"
            )
        assert titles(api, '"pie apple"') == (["x"] if read else [])

    @pytest.mark.parametrize("q", ["w1手机", " ".join(f"w{n}手机" for n in range(32))])
    @pytest.mark.parametrize("between", [" ", " OR "])
    def test_a_text_is_read_once_however_many_words_are_asked_for(self, user, q, between):
        text = " ".join(f"w{n} 手机" for n in range(32))
        Note.objects.bulk_create(Note(user=user, title=f"{n}", content=text) for n in range(5))
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER FUNCTION notes_fold RENAME TO notes_fold_uncounted;"
                "CREATE SEQUENCE folded;"
                "CREATE FUNCTION notes_fold(written text) RETURNS text LANGUAGE plpgsql IMMUTABLE"
                " STRICT PARALLEL SAFE AS $$ BEGIN PERFORM nextval('folded');"
                " RETURN notes_fold_uncounted(written); END $$;"
            )
            page = search.SearchResults(NoteList(user.id), asked.parse(q.replace(" ", between)))
            assert len(orjson.loads(page.page(None, 10).rows)) == 5
            cursor.execute("SELECT last_value FROM folded")
            # A title and a content each.
            assert cursor.fetchone() == (5 * 2,)

    @pytest.mark.parametrize("ordered", [100, 3])
    def test_so_much_text_is_read_of_the_last_changed(self, api, user, monkeypatch, ordered):
        monkeypatch.setattr(search, "MAX_READ", 3100)
        monkeypatch.setattr(hits, "MAX_ORDERED", ordered)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, title, content, updated_at)"
                " SELECT %s, n, CASE n WHEN 6 THEN 'apple ' || long || ' 手机' ELSE"
                " 'apple手机 pie ' || long END, now() + n * interval '1 s'"
                " FROM generate_series(0, 6) AS n, repeat('x', 1000) AS long",
                [user.id],
            )
        # The index says that the last one has both, not whether they are beside each other.
        assert titles(api, "apple手机") == ["5", "4"]
        assert titles(api, "手机 -apple手机") == ["6"]
        # What it can tell is found, however much there is.
        assert titles(api, "apple 手机") == ["6", "5", "4", "3", "2", "1", "0"]
        assert titles(api, '"apple pie"') == ["5", "4", "3", "2", "1", "0"]

    @pytest.mark.parametrize("archived", [False, None])
    def test_of_very_many_the_last_changed_are_read_in_the_lists_order(
        self, owner, monkeypatch, archived
    ):
        monkeypatch.setattr(search, "WINDOW", 30)
        monkeypatch.setattr(hits, "LOOKED_AT", 100)
        found, plan = self.asked(owner, "common", archived=archived)
        assert found == ["common w1", "common w2", "common w3"]
        assert "notes_by_updated_at" in self.indexes(plan)
        assert buffers(plan) < 2000

    def test_of_very_many_no_more_is_read_than_is_taken(self, owner, monkeypatch):
        monkeypatch.setattr(search, "WINDOW", 30)
        monkeypatch.setattr(hits, "MAX_ORDERED", 1000)
        for q in ("common", 'common -"w7 w8"'):
            _, plan = self.asked(owner, q)
            by_time = [each for each in nodes(plan) if "by_updated" in each.get("Index Name", "")]
            assert [node["Actual Rows"] in (30, 31) for node in by_time] == [True], plan
        # Of what very many notes have, the index would read each, and each word with a beginning.
        for q, looked_at, is_asked in (
            ("c", 5000, False),
            ("common", 5000, False),
            ("common", 20_000, True),
            ("w5", 5000, True),
        ):
            monkeypatch.setattr(hits, "LOOKED_AT", looked_at)
            with explained() as plans:
                assert hits.ask(owner, asked.parse(q)).count == 1001
            calls = [each for each in nodes(plans[0]) if each.get("Function Name") == "notes_hits"]
            assert [node["Actual Loops"] > 0 for node in calls] == [is_asked], (q, plans)
