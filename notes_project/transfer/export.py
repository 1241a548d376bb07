"""All notes of a user but those in the trash, read in pages that are small in bytes too.

Each page is a short statement, so an export holds no snapshot of the database while a client is
slow. The order is that of the ids, which never change: a note that is there all the time comes
exactly once, as it is at that moment, whatever is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection

from notes.list_statements import IN_ORDER
from notes.shape import NOTE, SUMMARY

PAGE = 500
PAGE_BYTES = 4 * 1024 * 1024
_FIRST = UUID(int=0)
# IN_ORDER holds the planner to the index notes_trash. The first note of a page always comes,
# however large it is.
_PAGE = f"""
SELECT id, {{columns}} FROM (
    SELECT *, sum(coalesce(octet_length(content), 0)) OVER (
        ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS bytes_before
    FROM (
        SELECT * FROM notes
        WHERE user_id = %(user)s AND deleted_at IS NULL AND id > %(last)s AND {IN_ORDER}
        ORDER BY deleted_at, id LIMIT %(limit)s
    ) AS page
) AS notes
WHERE coalesce(bytes_before, 0) < %(bytes)s ORDER BY id
"""  # noqa: S608 - constants
_AS_JSON = _PAGE.format(columns=NOTE)
_WITH_CONTENT = _PAGE.format(columns=f"{SUMMARY}, notes.content")


def pages_as_json(user_id: UUID) -> Iterator[list[str]]:
    """Pages of notes, each as the API shows it."""
    for page in _pages(_AS_JSON, user_id):
        yield [note for _, note in page]


def summaries_with_content(user_id: UUID) -> Iterator[tuple[str, str | None]]:
    """What lists show of each note, as JSON, and its content as it is stored."""
    for page in _pages(_WITH_CONTENT, user_id):
        for _, summary, content in page:
            yield summary, content


def _pages(statement: str, user_id: UUID) -> Iterator[list[tuple[Any, ...]]]:
    last = _FIRST
    while True:
        values: dict[str, Any] = {"user": user_id, "last": last, "limit": PAGE, "bytes": PAGE_BYTES}
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            page = cursor.fetchall()
        if not page:
            return
        last = page[-1][0]
        yield page
