"""Every list there is: what stands in it, in which order, and what PostgreSQL reads for a page."""

import random
from datetime import timedelta
from itertools import chain, product

import pytest
from django.db import connection, transaction

from notes import lists
from notes.lists import NoteList, Span
from notes.models import Note, NoteTag, Tag
from tests.notes.issuer import START, Account
from tests.notes.test_lists import walk
from tests.notes.test_notes import NOTES
from tests.plans import buffers, explained, nodes
from users.models import User

pytestmark = pytest.mark.django_db
ORDERS = ("-updated_at", "updated_at", "-created_at", "created_at", "title", "-title")
TITLES = ("", "a", "A", "ab", "B", "b", "É", "é", "z", "Z", "ß", "日本", "👩‍👩‍👧", "a" * 500)


class TestOrder:
    @pytest.fixture(scope="class")
    @classmethod
    def ada(cls, _for_all_tests):
        return stored(Account("ada"))

    @pytest.fixture(scope="class")
    @classmethod
    def notes(cls, ada):
        """With ties in everything that lists are ordered by."""
        draw = random.Random(11)
        tags = {name: Tag.objects.create(name=name) for name in "abc"}
        notes = []
        for _ in range(60):
            note = Note.objects.create(
                user_id=ada.id,
                title=draw.choice(TITLES),
                is_archived=draw.random() < 0.4,
                created_at=START + timedelta(seconds=draw.randrange(12)),
                updated_at=START + timedelta(seconds=draw.randrange(12)),
            )
            note.names = {name for name in "abc" if draw.random() < 0.5}
            NoteTag.objects.bulk_create(NoteTag(note=note, tag=tags[name]) for name in note.names)
            notes.append(note)
        return notes

    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize(
        ("names", "match"),
        [("", all), ("a", all), ("a", any), ("ab", all), ("ab", any), ("ax", all), ("abx", any)],
    )
    def test_the_pages_are_the_list(self, api, notes, order, names, match):

        def key(note):
            name = order.removeprefix("-")
            return (note.title.lower() if name == "title" else getattr(note, name)), note.id

        for archived, bounds in product(("false", "true", "any"), BOUNDS):
            expected = [
                str(note.id)
                for note in sorted(notes, key=key, reverse=order.startswith("-"))
                if archived in ("any", str(note.is_archived).lower())
                and (not names or match(name in note.names for name in names))
                and all(holds(note, *bound) for bound in bounds.items())
            ]
            query = {name: time.isoformat() for name, time in bounds.items()}
            query |= {"order": order, "archived": archived, "limit": 7}
            query |= {"tag": list(names), "tag_match": match.__name__}
            pages = walk(api, api.get(NOTES, query).wsgi_request.get_full_path())
            assert [*chain(*pages)] == expected
            assert all(len(page) == 7 for page in pages[:-1])
            if len(pages) > 1:
                last = list(links(api, query))[-1]
                assert walk(api, last, direction="previous") == pages[::-1]


def stored(account):
    User.objects.create(id=account.id, username=account.username)
    return account


def links(api, query):
    """The addresses of the pages after the first."""
    url = api.get(NOTES, query).json()["next"]
    while url:
        yield url
        url = api.get(url).json()["next"]


def holds(note, bound, time):
    verb, _, end = bound.partition("_")
    stored = getattr(note, f"{verb}_at")
    return stored >= time if end == "after" else stored < time


BOUNDS = (
    {},
    {"created_after": START + timedelta(seconds=3)},
    {"updated_after": START + timedelta(seconds=2), "created_before": START + timedelta(seconds=9)},
)


# As few to many as in production.
SCAN, MANY = 100, 8_000
TAGS = """
INSERT INTO tags (name) VALUES ('every'), ('first half'), ('second half'), ('rare');
"""
OTHERS = "INSERT INTO users SELECT gen_random_uuid(), 'user ' || n FROM generate_series(1, 500) n"
NOTES_OF = """
INSERT INTO notes (user_id, title, content, is_archived, created_at, updated_at)
SELECT id, 'Note ' || n % 500, n, n % 1000 = 0, time, time + n % 7 * interval '1 d'
FROM users, generate_series(1, {many}) AS n,
    LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '1 min' AS time) AS at
WHERE username {which};
INSERT INTO note_tags (note_id, tag_id)
SELECT notes.id, tags.id FROM notes JOIN users ON users.id = user_id, tags
WHERE username {which} AND CASE tags.name
    WHEN 'every' THEN true
    WHEN 'first half' THEN content::int <= {many} / 2
    WHEN 'second half' THEN content::int > {many} / 2
    ELSE content IN ('1', '4000', '7999')
END;
"""
ANALYZE = "ANALYZE notes, note_tags, tags"


ASKED = [
    (order, archived, tags, match_all)
    for order, archived in product(ORDERS, (False, True, None))
    for tags, match_all in (
        ((), True),
        (("every",), True),
        (("rare",), True),
        (("every", "first half", "none"), False),
        (("every", "rare"), True),
        (("first half", "second half"), True),
    )
]


class TestManyNotes:
    @pytest.fixture(scope="class", params=["fresh", "stale"])
    @classmethod
    def ada(cls, request, _for_all_tests):
        """With many notes among others'; the planner knows of them, or not yet."""
        with transaction.atomic():
            ada = stored(Account("ada"))
            others = [OTHERS, NOTES_OF.format(many=8, which="LIKE 'user %'")]
            own = [NOTES_OF.format(many=MANY, which="= 'ada'")]
            order = [ANALYZE, *own] if request.param == "stale" else [*own, ANALYZE]
            without_search = "ALTER TABLE notes DISABLE TRIGGER notes_index_new_text"
            with connection.cursor() as cursor:
                for statement in [without_search, TAGS, *others, *order]:
                    cursor.execute(statement)
            yield ada
            transaction.set_rollback(True)

    @pytest.fixture(autouse=True)
    def scan(self, monkeypatch):
        monkeypatch.setattr(lists, "SCAN", SCAN)

    @pytest.fixture
    def middle(self, user):
        note = Note.objects.get(user=user, content=str(MANY // 2))

        def position(order):
            value = note.title.lower() if order == "title" else getattr(note, order)
            return [str(value), str(note.id)]

        return position

    def test_a_page_reads_little_more_than_it_shows(self, user, middle):
        for order, archived, tags, match_all in ASKED:
            name = order.removeprefix("-")
            notes = NoteList(
                *(user.id, name, order.startswith("-"), archived, tags), match_all=match_all
            )
            for position, backward in product((None, middle(name)), (False, True)):
                with explained() as plans:
                    notes.page(position, 5, backward=backward)
                self.check(*plans, most=1500 if len(tags) == 2 else 200)

    def test_times_that_are_not_the_order_read_no_more_than_a_limit(self, user, middle):
        span = Span(START + timedelta(days=100), None)
        for order, spans, deep in product(
            ORDERS,
            ({"created": span}, {"updated": span}, {"created": span, "updated": span}),
            (False, True),
        ):
            name = order.removeprefix("-")
            position = middle(name) if deep else None
            notes = NoteList(user.id, name, order.startswith("-"), **spans)
            bounded = all(f"{verb}_at" == name for verb in spans)
            with explained() as plans:
                notes.page(position, 5)
            self.check(*plans, most=200 if bounded else 600)

    def check(self, plan, most):
        assert buffers(plan) <= most, plan
        for node in nodes(plan):
            assert node["Actual Rows"] * node["Actual Loops"] <= 2 * SCAN + 5, node

    def test_pages_of_what_is_seldom_are_short_and_together_the_whole_list(self, api, user):
        notes = Note.objects.filter(user=user, is_archived=False)
        since = START + timedelta(days=-600)
        Note.objects.filter(user=user, content__in=("3", "4", "2500")).update(created_at=since)
        before = (since + timedelta(seconds=1)).isoformat()
        query = {"created_before": before, "limit": 2, "order": "title"}
        first = api.get(NOTES, query).wsgi_request.get_full_path()
        pages = walk(api, first)
        expected = sorted(notes.filter(created_at=since), key=lambda note: (note.title, note.id))
        assert [*chain(*pages)] == [str(note.id) for note in expected]
        assert len(pages) > notes.count() // SCAN
        assert {len(page) for page in pages} >= {0, 1}
        url = api.get(first).json()["next"]
        while url:
            last, url = url, api.get(url).json()["next"]
        backward = walk(api, last, direction="previous")[::-1]
        assert [*chain(*backward)] == [str(note.id) for note in expected]
