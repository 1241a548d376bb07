"""P6: a search among very many notes of one user, beside one among few, with as many hits.

Both have a tenth as many notes of others besides, all with every word that is looked for.
"""

import os
import time
import uuid
from collections.abc import Iterator
from functools import partial

import orjson
import psycopg
from psycopg import sql

from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, set_up_django

set_up_django("notes")

from django.db import connection  # noqa: E402

from notes.asked import parse  # noqa: E402
from notes.lists import NoteList  # noqa: E402
from notes.search import SearchResults  # noqa: E402

HITS, WORDS = 50, 20
FEW = "p6_few"
OWNER, OTHER = uuid.uuid4(), uuid.uuid4()
_BATCH = 20_000
# Each word w stands in HITS notes, which are evenly among the others and are alike on both sides.
_FILL = """
INSERT INTO notes (user_id, title, content, updated_at)
SELECT %(owner)s, 'note ' || n / %(words)s::bigint, 'w' || n %% %(words)s::bigint || ' ' || (
        SELECT string_agg('other' || (n * 7919 + k * 104729) %% 50000, ' ')
        FROM generate_series(1, 30) AS k
    ), '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 s'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
_FILL_OTHERS = """
INSERT INTO notes (user_id, content)
SELECT %(other)s, (SELECT string_agg('w' || k, ' ') FROM generate_series(0, %(asked)s::int) AS k)
FROM generate_series(1, %(count)s::int) AS n
"""


def run(run: Run) -> Iterator[Ratio]:
    few, many = run.size(10**4, 1000), run.size(10**6, 4000)
    connection.close()
    url, name = os.environ["NOTES_DATABASE_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url) as database:  # It may hold what another benchmark left.
        database.execute("TRUNCATE users CASCADE")
    with psycopg.connect(url, dbname="postgres", autocommit=True) as postgres:
        postgres.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (FEW, name)))
        )
    for each, notes in ((FEW, few), (name, many)):
        _fill(url, each, notes)
    measured = in_turn(run.rounds, many=partial(_search, name), few=partial(_search, FEW))
    yield Ratio(
        *("P6", "search among 10⁶ notes ÷ among 10⁴", "µs", 2, True),
        rounds=pairs(measured, "many", "few"),
    )


def _fill(url: str, database: str, notes: int) -> None:
    with psycopg.connect(url, dbname=database, autocommit=True) as connection:
        for number, user in enumerate((OWNER, OTHER)):
            values = [user, f"user {number}"]
            connection.execute("INSERT INTO users (id, username) VALUES (%s, %s)", values)
        values = {"owner": OWNER, "words": notes // HITS}
        for first in range(0, notes, _BATCH):
            last = min(first + _BATCH, notes) - 1
            connection.execute(_FILL, {**values, "first": first, "last": last})
        values = {"other": OTHER, "asked": WORDS - 1, "count": notes // 10}
        connection.execute(_FILL_OTHERS, values)
        connection.execute("VACUUM ANALYZE notes, note_search")


def _search(database: str) -> Sample:
    connection.close()
    connection.settings_dict["NAME"] = database
    expected = [f"note {number}" for number in range(HITS)][::-1][:20]
    for _ in range(2):  # The first makes it warm.
        with timed(*pids("notes_db")) as taken:
            start = time.perf_counter()
            pages = [
                SearchResults(NoteList(OWNER), parse(f'"w{word}"')).page(None, 20)
                for word in range(WORDS)
            ]
            wall = time.perf_counter() - start
    for page in pages:
        assert [row["title"] for row in orjson.loads(page.rows)] == expected
        assert page.more
    return Sample(wall / WORDS * 1e6, taken()[1] / WORDS)
