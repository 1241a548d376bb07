"""Characters that show nothing: Unicode's Default_Ignorable_Code_Point."""

from __future__ import annotations

import re
import unicodedata

# Those that ECMA 262 and Python write alike, as members of a regular expression's class.
IGNORABLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
_ALL = rf"{IGNORABLE}\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_ignorable = re.compile(f"[{_ALL}]")
# The flags of parts of countries (UTS 51, ED-14a); what is hidden, with the character behind it.
_PIECE = re.compile(
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f"
    rf"|(?P<hidden>[{_ALL}]+)(?=(?P<next>[\s\S]?))|[^{_ALL}\U0001f3f4]+|\U0001f3f4"
)
_NON_JOINER, _JOINER = "\u200c\u200d"
_STYLES = "\ufe0e\ufe0f"


def shows_nothing(text: str) -> bool:
    return not _ignorable.sub("", text).strip()


def without_ignorable(text: str) -> str:
    """The text as it looks: of these characters those alone stay that change how others look.

    These are the parts of emoji (UTS 51), and the joiners where a script has a use for them
    (UAX 31, A1, A2 and B).
    """
    if not _ignorable.search(text):
        return text
    shown = ""
    for match in _PIECE.finditer(text):
        if not match["hidden"]:
            shown += match[0]
        # None of them counts twice beside the same characters.
        for hidden in dict.fromkeys(match["hidden"] or ""):
            if _counts(shown[-2:], hidden, match["next"]):
                shown += hidden
    return shown


def _counts(before: str, hidden: str, after: str) -> bool:
    """
    Args:
        before: what is shown of it, its end.
        after: the next visible character.
    """
    if not before:
        return False
    last = before[-1]
    if hidden in _STYLES:
        return _is_symbol(last) or (last in "0123456789#*" and after == "\u20e3")
    if hidden == _JOINER and _is_symbol(after):
        return _is_symbol(last) or last in _STYLES
    if hidden in (_NON_JOINER, _JOINER) and unicodedata.combining(last) == 9:  # a virama
        return after != "" and unicodedata.category(after)[0] in "LM"
    if hidden == _NON_JOINER:
        letter = before[0] if unicodedata.category(last) == "Mn" else last
        return after != "" and _is_cursive(letter) and _is_cursive(after)
    return False


def _is_symbol(character: str) -> bool:
    return character != "" and unicodedata.category(character)[0] == "S"


def _is_cursive(character: str) -> bool:
    """Of Arabic and its relatives."""
    return unicodedata.bidirectional(character) == "AL"
