"""Why an upload is not taken. Their texts are for the person who sent it.

`Unreadable` is about one member, and a reader goes on with the next; all others end an import.
Before `Unfinished` alone something is written.
"""

from __future__ import annotations

from config.errors import ServiceUnavailable
from config.problems import database_failure


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


class Unfinished(ServiceUnavailable):
    """The database did not go on; what was written until then stays."""

    def __init__(self, error: Exception, written: int) -> None:
        left = "Send the same again for the others: none comes twice."
        super().__init__(f"{database_failure(error)} New notes written: {written:,}. {left}")
