"""Search: the notes of a list in which a line of text is found, those that fit best first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from notes import highlights
from notes.asked import Asked, Term, is_run
from notes.folding import SCRIPTS
from notes.keyset import Page, Position
from notes.list_statements import IN_ORDER, KEYS
from notes.lists import NoteList
from notes.shape import SUMMARY

# So many hits are all put in order. Of more, the WINDOW that were changed last are, if they are
# among as many notes as LOOKED_AT: so no search reads all the notes of somebody who has very many.
MAX_ORDERED = 10_000
WINDOW = 1000
LOOKED_AT = 20_000
# Bytes of the texts that are read where the index alone cannot tell, those that were changed last.
MAX_READ = 4 * 1024 * 1024
# Of so many notes half have to be hits before it is tried whether very many are.
_SAMPLE = 200

_BY_TIME = f"""
    SELECT id FROM notes
    WHERE user_id = %(user)s AND {IN_ORDER} AND is_archived = false AND deleted_at IS NULL
    ORDER BY updated_at DESC, id DESC
"""  # noqa: S608 - constants
_HITS_BY_TIME = f"""(
    SELECT count(*) FROM (
        SELECT FROM ({_BY_TIME} LIMIT {{looked_at}}) AS newest, LATERAL (
            SELECT FROM note_search
            WHERE note_id = newest.id AND search @@ (SELECT query FROM anything) LIMIT 1
        ) AS hit LIMIT %(most)s
    ) AS hits
)"""  # noqa: S608
# The index takes the longer to count, the more notes have a word, or words with a beginning. It is
# not asked where the list shows that there are enough.
_ASK = f"""
WITH asked AS (
    SELECT place, notes_query(%(user)s, words, pairs) AS query
    FROM unnest(%(words)s::text[], %(pairs)s::text[]) WITH ORDINALITY AS asked (words, pairs, place)
), anything AS (
    SELECT string_agg('(' || query::text || ')', ' | ')::tsquery AS query
    FROM asked WHERE place <= %(alternatives)s AND numnode(query) > 0
)
SELECT
    (SELECT array_agg(query::text ORDER BY place) FROM asked),
    (SELECT query::text FROM anything),
    CASE WHEN {_HITS_BY_TIME.format(looked_at="%(sample)s")} >= %(sample)s / 2
        AND EXISTS ({_BY_TIME} OFFSET %(looked_at)s LIMIT 1)
        AND {_HITS_BY_TIME.format(looked_at="%(looked_at)s")} = %(most)s
    THEN %(most)s ELSE (SELECT count(*) FROM anything, notes_hits(query, %(most)s)) END,
    notes_search_language()::text
"""  # noqa: S608
_RANK = """(
    (ts_filter(note_search.search, '{{a}}') @@ {query}::tsquery)::int
    + ts_rank('{{0.1, 0.2, 0.3, 1.0}}', note_search.search, {query}::tsquery)::float8
)"""
# A folded text begins and ends with a blank.
_WORD_ENDS = f"[ {SCRIPTS}]"
# A content may be null.
_STANDS_THERE = """((
    notes_fold(notes.title) ~ {pattern}
    OR notes_fold(notes_plain_text(notes.content, notes.content_format)) ~ {pattern}
) IS TRUE)"""
# A tsvector keeps no position beyond the 16383rd, and 255 of a word at most.
_POSITIONS_LOST = """EXISTS (
    SELECT FROM unnest(note_search.search)
    WHERE cardinality(positions) >= 255 OR positions[cardinality(positions)] = 16383
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
_WITH_TIMES = "(SELECT id, updated_at FROM {hits} AS hits (id) JOIN notes USING (id))"
_PAGE = """
WITH {newest}page AS MATERIALIZED (
    SELECT * FROM (
        SELECT notes.id, notes.updated_at, {key} AS key
        FROM {hits} AS hits (id) JOIN notes USING (id)
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
class Found:
    """What the index says.

    Args:
        query: all that is to be found, without what is excluded, and without order.
        alternatives: the same for each alternative.
        terms: of each term, where its parts are anywhere, and where they follow each other.
        hits: how many notes ``query`` finds, at most one more than MAX_ORDERED.
        language: of the index.
    """

    query: str
    alternatives: list[str]
    terms: dict[Term, tuple[str, str]]
    hits: int
    language: str


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
        found = ask(self.notes.user_id, self.asked)
        statement, values = self._statement(found, position, limit, backward)
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows = cursor.fetchall()
        more, rows = len(rows) > limit, rows[:limit]
        if backward:
            rows.reverse()
        pattern = highlights.pattern_of(self.asked, _stems(found))
        notes = []
        for note, *_, title, text in rows:
            shown = orjson.dumps(highlights.fragments(title, text, pattern)).decode()
            notes.append(f'{note[:-1]}, "highlights" : {shown}}}')
        first, last = (rows[0][1:4], rows[-1][1:4]) if rows else (None, None)
        return Page(f"[{','.join(notes)}]".encode(), first, last, more)

    def _statement(
        self, found: Found, position: Position | None, limit: int, backward: bool
    ) -> tuple[str, dict[str, Any]]:
        by_time = replace(self.notes, order="updated_at", descending=True)
        rows, values = by_time.first_rows(LOOKED_AT)

        bind = _binder(values)
        of_list = self.notes.conditions()
        conditions = " AND ".join([*of_list, _condition(found, self.asked, bind)])
        hits, newest = f"notes_hits({bind(found.query)}::tsquery, {bind(MAX_ORDERED)})", ""
        is_many = found.hits > MAX_ORDERED
        if is_many:
            hits = f"({rows})"
        if any(term.in_order for terms in self.asked for term in terms):
            verdict = " AND ".join([*of_list, _condition(found, self.asked, bind, read=False)])
            source = hits if is_many else _WITH_TIMES.format(hits=hits)
            most = bind(MAX_READ)
            hits = _AFFORDABLE.format(source=source, verdict=f"({verdict})", most=most)
        if is_many:
            newest = _NEWEST.format(source=hits, conditions=conditions, window=bind(WINDOW))
            hits = "newest"
        falling, (key, _, kind) = self.notes.descending, KEYS[self.notes.order]
        if self.by_rank:
            falling, key, kind = True, _RANK.format(query=bind(found.query)), "float8"
        falling = falling is not backward
        beyond = "true"
        if position is not None:
            ends = f"{bind(position[0])}::{kind}, {bind(position[1])}::timestamptz"
            there = f"({ends}, {bind(position[2])}::uuid)"
            beyond = f"(key, updated_at, id) {'<' if falling else '>'} {there}"
        statement = _PAGE.format(
            key=key,
            newest=newest,
            hits=hits,
            conditions=conditions,
            beyond=beyond,
            way="DESC" if falling else "ASC",
            more=bind(limit + 1),
            summary=SUMMARY,
            shown=bind(highlights.MAX_TEXT),
        )
        return statement, values


def find_ids(owner: UUID, asked: Asked) -> list[UUID]:
    """The ids of the owner's notes that are found, the trash too; of very many hits only some."""
    found = ask(owner, asked)
    values: dict[str, Any] = {"query": found.query, "most": MAX_ORDERED, "owner": owner}
    condition = _condition(found, asked, _binder(values))
    with connection.cursor() as cursor:
        cursor.execute(_IDS.format(condition=condition), values)
        return [row[0] for row in cursor.fetchall()]


def ask(owner: UUID, asked: Asked) -> Found:
    """Has PostgreSQL make queries of what is asked, in the search's language, and try them."""
    wanted = [[term for term in terms if not term.excluded] for terms in asked]
    terms = list(dict.fromkeys(term for terms in asked for term in terms))
    queries = [_anywhere(terms) for terms in wanted]
    queries += [_anywhere([term]) for term in terms]
    queries += [(term.words("<->"), term.grams("<->")) for term in terms]
    words, pairs = (list(texts) for texts in zip(*queries, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _ASK,
            {
                "user": owner,
                "words": words,
                "pairs": pairs,
                "alternatives": len(asked),
                "most": MAX_ORDERED + 1,
                "looked_at": LOOKED_AT,
                "sample": _SAMPLE,
            },
        )
        made, anything, hits, language = cursor.fetchone()
    alternatives, of_terms = made[: len(asked)], made[len(asked) :]
    both = zip(of_terms[: len(terms)], of_terms[len(terms) :], strict=True)
    return Found(anything or "", alternatives, dict(zip(terms, both, strict=True)), hits, language)


def _binder(values: dict[str, Any]) -> Callable[[Any], str]:
    """What makes a parameter of a value, and adds it to the values."""

    def bind(value: Any) -> str:
        values[f"v{len(values)}"] = value
        return f"%(v{len(values) - 1})s"

    return bind


def _anywhere(terms: list[Term]) -> tuple[str, str]:
    """The words and the pairs of all terms, wherever they stand."""
    words, pairs = [term.words("&") for term in terms], [term.grams("&") for term in terms]
    return " & ".join(filter(None, words)), " & ".join(filter(None, pairs))


def _condition(found: Found, asked: Asked, bind: Callable[[Any], str], *, read: bool = True) -> str:
    """What is asked of a note, as SQL: more than the index of the words can tell.

    Args:
        read: the text too, where the index cannot tell; without, it is null then.
    """
    alternatives = []
    for query, terms in zip(found.alternatives, asked, strict=True):
        parts = [_matches(query, bind)]
        for term in terms:
            if term.excluded:
                parts.append(f"NOT {_term_condition(found, term, bind, read)}")
            elif term.in_order:
                parts.append(_term_condition(found, term, bind, read))
        alternatives.append(" AND ".join(parts))
    return f"(({') OR ('.join(alternatives)}))"


def _term_condition(found: Found, term: Term, bind: Callable[[Any], str], read: bool) -> str:
    anywhere, phrase = found.terms[term]
    if not term.in_order:
        return _matches(anywhere, bind)
    pattern = bind(term.pattern(" ", _WORD_ENDS, _WORD_ENDS))
    stands_there = _STANDS_THERE.format(pattern=pattern) if read else "NULL::boolean"
    if term.alike:
        # Where it does not, the text itself is read, which takes far longer.
        stands_there = f"({_matches(phrase, bind)} OR {_POSITIONS_LOST} AND {stands_there})"
    return f"({_matches(anywhere, bind)} AND {stands_there})"


def _matches(query: str, bind: Callable[[Any], str]) -> str:
    return f"(note_search.search @@ {bind(query)}::tsquery)"


def _stems(found: Found) -> list[str]:
    """What the search's language made of the words."""
    # Each begins with six signs of the owner's id.
    words = [word[6:] for word in re.findall("'([^']+)'", found.query)]
    return [word for word in words if found.language != "simple" and not is_run(word)]
