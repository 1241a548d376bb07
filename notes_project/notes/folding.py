"""Letters as the search compares them: without case, accents and punctuation.

The same as `notes_fold` does in the database (migration of the search); a test compares them.
"""

from __future__ import annotations

import re
import unicodedata

# Accents and other signs that a word is looked for without: also vowel signs of Hebrew and Arabic,
# joiners, variation selectors, skin tones.
MARKS = (
    r"\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    r"\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff"
    r"\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff"
)
# Scripts without blanks between words, and symbols, of which any run may be looked for.
SCRIPTS = (
    r"\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2190-\u2bff\u2e80-\u2fdf"
    r"\u3005-\u3007\u3021-\u302f\u3031-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u9fff\ua000-\ua4cf"
    r"\ua960-\ua97f\uaa60-\uaadf\uac00-\ud7ff\ue000-\ufaff\U00010000-\U0010ffff"
)
# Whatever else lies between words. No letter of any script; those in between have no such block.
SEPARATORS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf"
    r"\u00d7\u00f7\u02b9-\u02df\u0375\u037e\u0384\u0385\u0387\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6"
    r"\u05f3\u05f4\u0600-\u060f\u061b\u061d-\u061f\u066a-\u066d\u06d4\u0700-\u070d\u0964\u0965\u0970"
    r"\u10fb\u1360-\u1368\u1400\u166d\u166e\u1680\u1735\u1736\u1800-\u180a"
    r"\u2000-\u200a\u2010-\u2029\u202f-\u205f\u2070-\u209f\u20a0-\u20cf\u2e00-\u2e7f\u3000-\u3004"
    r"\u3008-\u3020\u3030\u303d-\u3040\u30a0\u30fb\ufd3e-\ufd4f\ufdcf\ufdfc-\ufdff\ufe10-\ufe1f"
    r"\ufe30-\ufe6f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffff"
)
# What neither decomposing nor lower case brings to the letters that people type for it.
_LETTERS = {
    **dict(zip("ςıøłđħŧð", "σioldhtd", strict=True)),  # noqa: RUF001 - a sigma
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
_marks = re.compile(f"[{MARKS}]")
# The database has no NUL.
_separators = re.compile(f"[\\0{SEPARATORS}]+")


def fold(text: str) -> str:
    """Words and runs with one blank between."""
    return _separators.sub(" ", fold_letters(text)).strip(" ")


def fold_letters(text: str) -> str:
    """Punctuation stays."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFC", _marks.sub("", unicodedata.normalize("NFKD", text)))
    plain = plain.lower()
    # Not translate(), which takes far longer for a text that has none of them.
    for letter, others in _LETTERS.items():
        plain = plain.replace(letter, others)
    return plain
