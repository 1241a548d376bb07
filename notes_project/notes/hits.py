"""What the index says of what is asked, and what is to be asked of each of its hits besides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import connection

from notes.asked import Asked, Term, is_run
from notes.folding import SCRIPTS
from notes.list_statements import IN_ORDER

# So many hits are all put in order. More are looked for among the LOOKED_AT notes that were changed
# last: so no search reads all the notes of somebody who has very many.
MAX_ORDERED = 10_000
LOOKED_AT = 20_000
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
# OFFSET keeps a column from being made again wherever it is named: the index of a long text is
# unpacked once, however many words are asked for, and so the text itself is read.
_OF_NOTE = """(
    SELECT {conditions}
    FROM (SELECT note_search.search || ''::tsvector AS search{column} OFFSET 0) AS of_note
)"""
# A tsvector keeps no position beyond the 16383rd, and 255 of a word at most.
_PLACES_LOST = """, EXISTS (
    SELECT FROM unnest(note_search.search)
    WHERE cardinality(positions) >= 255 OR positions[cardinality(positions)] = 16383
) AS places_lost"""
# With one blank around each run, as `Term.spaced` has it: so a word and a run next to each other
# are the same with a blank between or without. No term has a line end.
_TEXT = f""", replace(replace(regexp_replace(
    concat(
        notes_fold(notes.title), E'\\n',
        notes_fold(notes_plain_text(notes.content, notes.content_format))
    ), '[{SCRIPTS}]+', ' \\& ', 'g'
), '  ', ' '), '  ', ' ') AS text"""
_UNKNOWN = "NULL::boolean"

Bind = Callable[[Any], str]
"""Makes a parameter of a value, and adds it to those of the statement."""


@dataclass(frozen=True)
class Hits:
    """What the index says.

    Args:
        query: all that is to be found, without what is excluded, and without order.
        alternatives: the same for each alternative.
        terms: of each term, where its parts are anywhere, and where they follow each other.
        count: how many notes ``query`` finds, at most one more than MAX_ORDERED.
        language: of the index.
    """

    asked: Asked
    query: str
    alternatives: list[str]
    terms: dict[Term, tuple[str, str]]
    count: int
    language: str

    @property
    def are_many(self) -> bool:
        return self.count > MAX_ORDERED

    @property
    def any_word(self) -> str:
        """Finds each of the words and pairs, to count how often they are there: for all of them at
        once PostgreSQL compares the places of each with those of every other."""
        return self.query.replace(" & ", " | ").replace(" <-> ", " | ")

    @property
    def stems(self) -> list[str]:
        """What the search's language made of the words."""
        # Each begins with six signs of the owner's id.
        words = [word[6:] for word in re.findall("'([^']+)'", self.query)]
        return [word for word in words if self.language != "simple" and not is_run(word)]

    def condition(self, bind: Bind) -> str:
        """What is asked of a note, as SQL; its text is read where the index cannot tell."""
        if not self._some(lambda term: term.in_order):
            return self.verdict(bind)

        def stands_there(term: Term) -> str:
            return f"strpos(of_note.text, {bind(term.spaced)}) > 0"

        read = self._conditions(bind, stands_there, stands_there)
        text = _OF_NOTE.format(conditions=read, column=_TEXT)
        return f"coalesce({self.verdict(bind)}, {text})"

    def verdict(self, bind: Bind) -> str:
        """What the index tells of it; null where it cannot."""
        unknown = self._conditions(bind, lambda _: _UNKNOWN, lambda _: _UNKNOWN)
        if not self._some(lambda term: term.in_order or term.excluded):
            return unknown
        verdict = _OF_NOTE.format(conditions=unknown, column="")
        if not self._some(lambda term: term.in_order and term.alike):
            return verdict
        # Where the phrase is not, and the index has all places, it is not in the text.
        lost = f"(of_note.places_lost AND {_UNKNOWN})"
        known = self._conditions(bind, lambda _: lost, lambda _: _UNKNOWN)
        return f"coalesce({verdict}, {_OF_NOTE.format(conditions=known, column=_PLACES_LOST)})"

    def _some(self, is_so: Callable[[Term], bool]) -> bool:
        return any(map(is_so, chain(*self.asked)))

    def _conditions(
        self, bind: Bind, no_phrase: Callable[[Term], str], stands_there: Callable[[Term], str]
    ) -> str:
        """
        Args:
            no_phrase: of a term that PostgreSQL's phrases can tell, what is so where it is none.
            stands_there: of any other whose order counts, whether it is in the text.
        """

        def in_order(term: Term) -> str:
            if not term.alike:
                return stands_there(term)
            return f"({_matches(self.terms[term][1], bind)} OR {no_phrase(term)})"

        alternatives = []
        for query, terms in zip(self.alternatives, self.asked, strict=True):
            parts = [_matches(query, bind)]
            for term in terms:
                if term.excluded:
                    excluded = [_matches(self.terms[term][0], bind)]
                    excluded += [in_order(term)] * term.in_order
                    parts.append(f"NOT ({' AND '.join(excluded)})")
                elif term.in_order:
                    # That its parts are there is in the query.
                    parts.append(in_order(term))
            alternatives.append(" AND ".join(parts))
        return f"(({') OR ('.join(alternatives)}))"


def ask(owner: UUID, asked: Asked) -> Hits:
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
        made, anything, count, language = cursor.fetchone()
    alternatives, of_terms = made[: len(asked)], made[len(asked) :]
    both = zip(of_terms[: len(terms)], of_terms[len(terms) :], strict=True)
    by_term = dict(zip(terms, both, strict=True))
    return Hits(asked, anything or "", alternatives, by_term, count, language)


def _anywhere(terms: list[Term]) -> tuple[str, str]:
    """The words and the pairs of all terms, wherever they stand."""
    words, pairs = [term.words("&") for term in terms], [term.grams("&") for term in terms]
    return " & ".join(filter(None, words)), " & ".join(filter(None, pairs))


def _matches(query: str, bind: Bind) -> str:
    return f"(search @@ {bind(query)}::tsquery)"
