"""Search: the notes of a list in which a line of text is found, those that fit best first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from notes import highlights, hits
from notes.asked import Asked
from notes.hits import Bind, Hits
from notes.keyset import Page, Position
from notes.list_statements import KEYS
from notes.lists import NoteList
from notes.shape import SUMMARY

# Of more hits than can all be put in order, so many that were changed last are.
WINDOW = 1000
# Bytes of the texts that are read where the index alone cannot tell, those that were changed last.
MAX_READ = 4 * 1024 * 1024
_RANK = """(
    (ts_filter(note_search.search, '{{a}}') @@ {query}::tsquery)::int
    + ts_rank('{{0, 0, 0.3, 0.5}}', note_search.search, {any_word}::tsquery)::float8
)"""
# A CASE is nothing that an index could be used for: `notes_hits` has been. LATERAL and LIMIT look
# at the rows in their order, and at no more of them than are needed.
_NEWEST = """newest AS MATERIALIZED (
    SELECT newest.id FROM {source} AS newest (id, key), LATERAL (
        SELECT FROM notes JOIN note_search ON note_search.note_id = notes.id
        WHERE notes.id = newest.id AND CASE WHEN {conditions} THEN true ELSE false END LIMIT 1
    ) AS hit ORDER BY newest.key DESC, newest.id DESC LIMIT {window}
), """
# A verdict that is null depends on the text.
_AFFORDABLE = """(
    SELECT id, key FROM (
        SELECT candidates.id, key, verdict, sum(size) FILTER (WHERE verdict IS NULL)
            OVER (ORDER BY key DESC, candidates.id DESC ROWS UNBOUNDED PRECEDING) AS size
        FROM {source} AS candidates (id, key), LATERAL (
            SELECT {verdict} AS verdict,
                octet_length(notes.title) + coalesce(octet_length(notes.content), 0) AS size
            FROM notes JOIN note_search ON note_search.note_id = notes.id
            WHERE notes.id = candidates.id LIMIT 1
        ) AS judged WHERE verdict IS NOT FALSE
    ) AS possible WHERE verdict OR size <= {most}
)"""
_WITH_TIMES = "(SELECT id, updated_at FROM {source} AS hits (id) JOIN notes USING (id))"
_PAGE = """
WITH {newest}page AS MATERIALIZED (
    SELECT * FROM (
        SELECT notes.id, notes.updated_at, {key} AS key
        FROM {source} AS hits (id) JOIN notes USING (id)
        JOIN note_search ON note_search.note_id = notes.id
        WHERE CASE WHEN {conditions} THEN true ELSE false END
    ) AS found
    WHERE {beyond}
    ORDER BY key {way}, updated_at {way}, id {way} LIMIT {more}
)
SELECT {summary}, key::text AS last_key, notes.updated_at::text, id::text, title,
    left(notes_plain_text(content, content_format), {shown})
FROM page JOIN notes USING (id)
ORDER BY key {way}, notes.updated_at {way}, id {way}
"""
_IDS = """
SELECT id FROM notes_hits(%(query)s::tsquery, %(most)s) AS hits (id) JOIN notes USING (id)
JOIN note_search ON note_search.note_id = id
WHERE CASE WHEN user_id = %(owner)s AND {condition} THEN true ELSE false END
"""


@dataclass(frozen=True)
class SearchResults:
    """A list for ``KeysetPagination``; ``by_rank`` or in the order of the list that is searched."""

    notes: NoteList
    asked: Asked
    by_rank: bool = True

    @property
    def identity(self) -> str:
        return repr(self)

    def page(self, position: Position | None, limit: int, *, backward: bool = False) -> Page:
        found = hits.ask(self.notes.user_id, self.asked)
        statement, values = self._statement(found, position, limit, backward)
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows = cursor.fetchall()
        more, rows = len(rows) > limit, rows[:limit]
        if backward:
            rows.reverse()
        pattern = highlights.pattern_of(self.asked, found.stems)
        notes = []
        for note, *_, title, text in rows:
            shown = orjson.dumps(highlights.fragments(title, text, pattern)).decode()
            notes.append(f'{note[:-1]}, "highlights" : {shown}}}')
        first, last = (rows[0][1:4], rows[-1][1:4]) if rows else (None, None)
        return Page(f"[{','.join(notes)}]".encode(), first, last, more)

    def _statement(
        self, found: Hits, position: Position | None, limit: int, backward: bool
    ) -> tuple[str, dict[str, Any]]:
        by_time = replace(self.notes, order="updated_at", descending=True)
        rows, values = by_time.first_rows(hits.LOOKED_AT)
        bind = _binder(values)
        newest, source, conditions = self._source(found, rows, bind)
        falling, (key, _, kind) = self.notes.descending, KEYS[self.notes.order]
        if self.by_rank:
            key = _RANK.format(query=bind(found.query), any_word=bind(found.any_word))
            falling, kind = True, "float8"
        falling = falling is not backward
        beyond = "true"
        if position is not None:
            ends = f"{bind(position[0])}::{kind}, {bind(position[1])}::timestamptz"
            there = f"({ends}, {bind(position[2])}::uuid)"
            beyond = f"(key, updated_at, id) {'<' if falling else '>'} {there}"
        statement = _PAGE.format(
            key=key,
            newest=newest,
            source=source,
            conditions=conditions,
            beyond=beyond,
            way="DESC" if falling else "ASC",
            more=bind(limit + 1),
            summary=SUMMARY,
            shown=bind(highlights.MAX_TEXT),
        )
        return statement, values

    def _source(self, found: Hits, rows: str, bind: Bind) -> tuple[str, str, str]:
        """As SQL: what precedes the page, where its ids come from, what is asked of each.

        Args:
            rows: the notes that were changed last.
        """
        of_list = self.notes.conditions()
        conditions = " AND ".join([*of_list, found.condition(bind)])
        source = f"notes_hits({bind(found.query)}::tsquery, {bind(hits.MAX_ORDERED)})"
        if found.are_many:
            source = f"({rows})"
        if any(term.in_order for term in chain(*self.asked)):
            verdict = " AND ".join([*of_list, found.verdict(bind)])
            timed = source if found.are_many else _WITH_TIMES.format(source=source)
            source = _AFFORDABLE.format(source=timed, verdict=f"({verdict})", most=bind(MAX_READ))
        if not found.are_many:
            return "", source, conditions
        newest = _NEWEST.format(source=source, conditions=conditions, window=bind(WINDOW))
        return newest, "newest", conditions


def find_ids(owner: UUID, asked: Asked) -> list[UUID]:
    """The ids of the owner's notes that are found, the trash too; of very many hits only some."""
    found = hits.ask(owner, asked)
    values: dict[str, Any] = {"query": found.query, "most": hits.MAX_ORDERED, "owner": owner}
    condition = found.condition(_binder(values))
    with connection.cursor() as cursor:
        cursor.execute(_IDS.format(condition=condition), values)
        return [row[0] for row in cursor.fetchall()]


def _binder(values: dict[str, Any]) -> Bind:
    def bind(value: Any) -> str:
        values[f"v{len(values)}"] = value
        return f"%(v{len(values) - 1})s"

    return bind
