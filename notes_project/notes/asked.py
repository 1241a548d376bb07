"""What a person asks the search for, read from one line. No database in here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from notes.folding import SCRIPTS, fold

MAX_LENGTH = 400
MAX_TERMS = 32
# As websearch_to_tsquery reads it: a hyphen before a word or a phrase in quotes excludes it.
_TERM = re.compile(r'(-?)"([^"]*)"?|(-?)([^\s"]+)')
_PIECE = re.compile(f"([{SCRIPTS}]+)|[^{SCRIPTS} ]+")


class NothingAsked(ValueError):
    """There is nothing in the line that could be found. The text is for the person who asked."""


@dataclass(frozen=True)
class Term:
    """Words or runs of a script without blanks, which stand next to each other.

    Args:
        text: folded.
        excluded: the notes without it are wanted.
        unfinished: its last word may go on.
    """

    text: str
    excluded: bool = False
    unfinished: bool = False

    @property
    def pieces(self) -> list[str]:
        return [match[0] for match in _PIECE.finditer(self.text)]

    def words(self, operator: str) -> str:
        """The words as to_tsquery takes them, with ``&`` or ``<->`` between."""
        found = [f"'{piece}'" for piece in self.pieces if not is_run(piece)]
        if found and self.unfinished and not is_run(self.pieces[-1]):
            found[-1] += ":*"
        return f" {operator} ".join(found)

    def grams(self, operator: str) -> str:
        """The pairs of characters of its runs as tsquery takes them."""
        runs = [piece for piece in self.pieces if is_run(piece)]
        # The index has each pair, and the last character of a run by itself.
        pairs = [[run[n : n + 2] for n in range(len(run) - 1)] or [run] for run in runs]
        texts = [f"'{gram}'" + (":*" if len(gram) == 1 else "") for each in pairs for gram in each]
        return f" {operator} ".join(texts)

    def pattern(self, blanks: str, begin: str, end: str) -> str:
        """Where it stands, as a regular expression.

        A run and a word stand next to each other with a blank between or without.

        Args:
            blanks: matches what is between two words, or two runs.
            begin, end: match where a word does.
        """
        pieces = self.pieces
        found = pieces[0] if is_run(pieces[0]) else begin + pieces[0]
        for last, piece in pairwise(pieces):
            found += blanks if is_run(last) == is_run(piece) else f"(?:{blanks})?"
            found += piece
        return found if self.unfinished or is_run(pieces[-1]) else found + end

    @property
    def spaced(self) -> str:
        """How it stands in a folded text that has one blank around each word and each run."""
        pieces = self.pieces
        begin = "" if is_run(pieces[0]) else " "
        end = "" if self.unfinished or is_run(pieces[-1]) else " "
        return f"{begin}{' '.join(pieces)}{end}"

    @property
    def in_order(self) -> bool:
        """Whether more is asked for than that all of it is there."""
        pieces = self.pieces
        return len(pieces) > 1 or (is_run(pieces[0]) and len(pieces[0]) > 2)

    @property
    def alike(self) -> bool:
        """Whether PostgreSQL's phrases can tell: words alone, or one run alone."""
        return len(self.pieces) == 1 or not any(map(is_run, self.pieces))


Asked = list[list[Term]]


def is_run(piece: str) -> bool:
    match = _PIECE.match(piece)
    return bool(match and match[1])


def parse(line: str) -> Asked:
    """Alternatives, each of terms that must all be so. Raises NothingAsked."""
    if len(line) > MAX_LENGTH:
        raise NothingAsked(f"Give {MAX_LENGTH} characters at most.")
    found = [
        (match, text)
        for match in _TERM.finditer(line)
        if (text := fold(match[2] or match[4] or ""))
    ]
    if not found:
        raise NothingAsked("Give a letter or a digit to look for.")
    alternatives: Asked = [[]]
    for number, (match, text) in enumerate(found, 1):
        # Between two terms; elsewhere it is a word.
        if match[0] == "OR" and alternatives[-1] and number < len(found):
            alternatives.append([])
            continue
        unfinished = match[2] is None and not line[match.end() :].strip()
        alternatives[-1].append(Term(text, bool(match[1] or match[3]), unfinished))
    if sum(map(len, alternatives)) > MAX_TERMS:
        raise NothingAsked(f"Give {MAX_TERMS} words at most.")
    if any(all(term.excluded for term in terms) for terms in alternatives):
        raise NothingAsked("Give something that is to be found besides what is excluded.")
    return alternatives
