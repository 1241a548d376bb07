"""The one form in which a tag's name is stored and looked up."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from notes.invisible import IGNORABLE, without_ignorable

MAX_LENGTH = 100
# What Python trims, as members of a regular expression's class; JavaScript's \s is another one.
WHITE_SPACE = (
    r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
)
_CONTROL = r"\u0000-\u0008\u000e-\u001b\u007f-\u0084\u0086-\u009f"
# Of a name as it is given (ECMA 262), as far as that can say it: NFKC may still make it longer, or
# make a dot or a slash of another sign.
_VISIBLE = rf"(?![{WHITE_SPACE}{IGNORABLE}]*$)[^{_CONTROL}]*$"
PREFIX_PATTERN = f"^{_VISIBLE}"
PATTERN = (
    rf"^(?![{WHITE_SPACE}]*(?:[^{_CONTROL}]*/)?\.{{1,2}}(?:/[^{_CONTROL}]*)?[{WHITE_SPACE}]*$)"
    f"{_VISIBLE}"
)


class InvalidTagName(ValueError):
    """The name cannot be a tag's. Its text is for the person who gave it."""


def normalise(name: str) -> str:
    """NFKC, case-folded, white space trimmed and inner runs of it as one space, and without what
    shows nothing.

    Raises InvalidTagName. Normalising the result again changes nothing.
    """
    normal = normalise_prefix(name).rstrip()
    # Clients and proxies take these out of a path, however they are written (RFC 3986, 5.2.4).
    if not {".", ".."}.isdisjoint(normal.split("/")):
        raise InvalidTagName("A tag may not be . or .., nor have one of them between slashes.")
    return normal


def normalise_prefix(name: str) -> str:
    """The same for the beginning of a name; white space at its end counts, as one space."""
    # Folding can undo NFKC and NFKC can bring capitals back: Unicode 3.13, toNFKC_Casefold. But for
    # the joiners and the like by which the name looks otherwise, which that takes out too.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    folded = without_ignorable(unicodedata.normalize("NFKC", folded.casefold()))
    normal = " ".join(unicodedata.normalize("NFKC", folded).split())
    if not normal:
        raise InvalidTagName("A tag needs at least one visible character.")
    if len(normal) > MAX_LENGTH:
        raise InvalidTagName(f"A tag may have {MAX_LENGTH} characters at most.")
    categories = {unicodedata.category(character) for character in normal}
    if "Cs" in categories:
        raise InvalidTagName("A lone surrogate is no character.")
    if "Cc" in categories:
        raise InvalidTagName("A tag may not have control characters.")
    return f"{normal} " if folded[-1].isspace() else normal


def normalise_all(names: Iterable[str]) -> list[str]:
    """Sorted, each once."""
    return sorted({normalise(name) for name in names})
