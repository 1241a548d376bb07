"""Why an upload is not taken. Their texts are for the person who sent it.

`Unreadable` is about one member, and a reader goes on with the next; all others end an import.
"""

from __future__ import annotations


class CannotImport(Exception):
    """The upload as a whole is not taken, and nothing of it is written."""


class UnknownFormat(CannotImport):
    """It is nothing that is read here."""


class TooLarge(CannotImport):
    """It has more members, or more bytes unpacked, than are taken."""


class Broken(CannotImport):
    """It is cut off, encrypted or unsafe, or a part is damaged, missing or there twice."""


class Unreadable(Exception):
    """One member is damaged, too large or no UTF-8."""
