"""The tags of a user's notes: which there are, on how many notes each is, and changing one of them.

All that is read are the user's own links, and of the table of names, which is everybody's, the rows
that they lead to. That table is never changed here: renamed is what the user's notes are linked to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from notes.keyset import Page, Position
from notes.write import find_tags
from users.models import User

LONGEST = 25
"""Seconds that a change of a tag may take: about 10^5 notes. The gateway waits a little longer."""

# From one tag to the next along an index, however many notes each has. `is_archived` is null in the
# trash; `LIMIT 1` keeps the planner from reading all links of the user, or all tags of everybody.
_PAGE = """
WITH RECURSIVE own (tag_id) AS (
    (SELECT tag_id FROM note_tags WHERE user_id = %(user)s ORDER BY tag_id LIMIT 1)
    UNION ALL
    SELECT following.tag_id FROM own, LATERAL (
        SELECT tag_id FROM note_tags WHERE user_id = %(user)s AND tag_id > own.tag_id
        ORDER BY tag_id LIMIT 1
    ) AS following
), page AS MATERIALIZED (
    SELECT own.tag_id, name FROM own,
    LATERAL (SELECT name FROM tags WHERE id = own.tag_id LIMIT 1) AS named,
    LATERAL (
        SELECT FROM note_tags AS links WHERE links.user_id = %(user)s
        AND links.tag_id = own.tag_id AND is_archived IS NOT NULL LIMIT 1
    ) AS living
    WHERE starts_with(name, %(prefix)s) AND {beyond}
    ORDER BY name {way} LIMIT %(more)s
)
SELECT name, (
    SELECT count(*) FROM note_tags AS links WHERE links.user_id = %(user)s
    AND links.tag_id = page.tag_id AND is_archived IS NOT NULL
) FROM page ORDER BY name {way}
"""
_TAG = "(SELECT id FROM tags WHERE name = %({})s)"
_USE = f"""
SELECT count(is_archived), count(*) - count(is_archived) FROM note_tags
WHERE user_id = %(user)s AND tag_id = {_TAG.format("old")}
"""  # noqa: S608
# Notes are locked before their links are written to, as by whoever changes a note; in one order.
_DETACH = f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM notes WHERE user_id = %(user)s AND id IN (
        SELECT note_id FROM note_tags WHERE user_id = %(user)s AND tag_id = {_TAG.format("old")}
    ) ORDER BY id FOR NO KEY UPDATE
), gone AS (
    DELETE FROM note_tags USING locked
    WHERE note_id = locked.id AND tag_id = {_TAG.format("old")} RETURNING note_id, is_archived
){{}}
SELECT count(is_archived), count(*) - count(is_archived) FROM gone
"""  # noqa: S608
# A note that has both tags keeps the one.
_ATTACH = f""", attached AS (
    INSERT INTO note_tags (note_id, tag_id) SELECT note_id, {_TAG.format("new")} FROM gone
    ON CONFLICT DO NOTHING
)"""  # noqa: S608


class Use(NamedTuple):
    """On how many notes a tag is, or was changed.

    Args:
        notes: archived or not.
        trashed: those in the trash, besides.
    """

    notes: int
    trashed: int


@dataclass(frozen=True)
class OwnTags:
    """A list for ``KeysetPagination``: the tags of a user's notes by name, without the trash.

    Args:
        prefix: how the names begin, normalised.
    """

    user_id: UUID
    prefix: str = ""

    @property
    def identity(self) -> str:
        return repr(self)

    def page(self, position: Position | None, limit: int, *, backward: bool = False) -> Page:
        statement = _PAGE.format(
            beyond="true" if position is None else f"name {'<' if backward else '>'} %(name)s",
            way="DESC" if backward else "ASC",
        )
        values: dict[str, Any] = {"user": self.user_id, "prefix": self.prefix, "more": limit + 1}
        with connection.cursor() as cursor:
            cursor.execute(statement, {**values, "name": position[0] if position else None})
            rows = [{"name": name, "count": count} for name, count in cursor.fetchall()]
        more, rows = len(rows) > limit, rows[:limit]
        if backward:
            rows.reverse()
        first, last = ([row["name"]] for row in (rows[0], rows[-1])) if rows else (None, None)
        return Page(rows, first, last, more)


def use_of(user: User, name: str) -> Use:
    """On how many of the user's notes the tag of this normalised name is."""
    return _run(_USE, user, name)


@transaction.atomic
def detach_tag(user: User, name: str) -> Use:
    """Takes the tag off all of the user's notes, the trash too. Returns on how many it was."""
    find_tags([name])
    return _change(_DETACH.format(""), user, name)


@transaction.atomic
def rename_tag(user: User, old: str, new: str) -> Use:
    """Puts the tag ``new`` in the place of ``old`` on all of the user's notes, the trash too.

    Returns on how many ``old`` was.
    """
    find_tags([old, new])
    return _change(_DETACH.format(_ATTACH), user, old, new)


def _change(statement: str, user: User, old: str, new: str = "") -> Use:
    """More than other statements of a request may take, within the transaction."""
    database: Any = connection.connection
    with database.allowing(LONGEST + 2.0):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST}s'")
        return _run(statement, user, old, new)


def _run(statement: str, user: User, old: str, new: str = "") -> Use:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"user": user.pk, "old": old, "new": new})
        return Use(*cursor.fetchone())
