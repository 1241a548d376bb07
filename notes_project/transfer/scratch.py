"""Databases for what an upload or an export may have millions of: on the disk, not in memory."""

from __future__ import annotations

import sqlite3


def scratch(schema: str) -> sqlite3.Connection:
    """An empty database with these tables, in a temporary file that goes when it is closed.

    A streamed answer may go on in another thread than it began in.
    """
    # SQLite makes such a file for an empty name (https://sqlite.org/inmemorydb.html#temp_db).
    database = sqlite3.connect("", check_same_thread=False)
    database.executescript(schema)
    return database
