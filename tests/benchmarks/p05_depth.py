"""P5: the buffers that a list touches in PostgreSQL, with 10⁷ notes of one user beside 10⁴.

The first page, and one from the middle of all notes; EXPLAIN counts them.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tests import plans
from tests.benchmarks import web
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs
from tests.benchmarks.servers import set_up_django

FEW, LIMIT = 10**4, 20
START = datetime(2026, 1, 1, tzinfo=UTC)
# Every tenth note has a tag. Notes that follow each other in a list lie apart, as among those of
# others and once they were changed. What triggers do is done here or not needed.
_FILL = """
TRUNCATE users, tags CASCADE;
INSERT INTO users (id, username) VALUES ('{user}', 'ada');
INSERT INTO tags (id, name) VALUES (md5('tag')::uuid, 'tag');
INSERT INTO notes (id, user_id, title, content, created_at, updated_at, tag_names)
SELECT md5('note' || n)::uuid, '{user}', 'Note ' || n, 'text', time, time,
    CASE WHEN n % 10 = 0 THEN ARRAY['tag'] ELSE '{{}}' END
FROM (SELECT n FROM generate_series(1, {notes}) AS n ORDER BY md5(n::text)) AS apart,
    LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '1 s' AS time) AS at;
INSERT INTO note_tags (note_id, tag_id, user_id, is_archived, created_at, updated_at, title_key)
SELECT id, md5('tag')::uuid, user_id, false, created_at, updated_at, lower(title)
FROM notes WHERE title LIKE '%0';
"""


def run(run: Run) -> Iterator[Ratio]:
    set_up_django("notes")
    from django.db import connection

    from notes.lists import NoteList

    sizes = {"few": FEW, connection.settings_dict["NAME"]: run.size(10**7, 3 * FEW)}
    _fill(FEW)
    with psycopg.connect(make_conninfo(web.URL, dbname="postgres"), autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS few")
        server.execute("CREATE DATABASE few TEMPLATE notes_db")
    _fill(sizes["notes_db"])
    every = NoteList(web.USER)
    for what, notes in (("a list", every), ("a tag's list", every.narrowed(tags=("tag",)))):
        for page, deep in (("first page", False), ("a page in the middle", True)):
            few, many = (partial(_buffers, *size, notes, deep=deep) for size in sizes.items())
            measured = in_turn(run.rounds, few=few, many=many)
            yield Ratio(
                *("P5", f"{page} of {what}, 10⁷ notes ÷ 10⁴", "buffers", 1.2, True),
                rounds=pairs(measured, "many", "few"),
            )


def _fill(notes: int) -> None:
    with psycopg.connect(web.URL, autocommit=True) as connection:
        fill = _FILL.format(user=web.USER, notes=notes)
        web.execute_in_bulk(connection, fill, ["notes", "note_tags"])


def _buffers(database: str, count: int, notes: Any, *, deep: bool) -> Sample:
    from django.db import connection

    middle = count // 2
    at = START + timedelta(seconds=middle)
    note = uuid.UUID(hashlib.md5(f"note{middle}".encode()).hexdigest())
    connection.close()
    connection.settings_dict["NAME"] = database
    with plans.explained() as found:
        page = notes.page([at.isoformat(), str(note)] if deep else None, LIMIT)
    assert len(json.loads(page.rows)) == LIMIT
    return Sample(plans.buffers(found[-1]))
