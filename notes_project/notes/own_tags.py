"""The tags of a user's notes: which there are, and on how many notes each is.

All that is read are the user's own links, and of the table of names, which is everybody's, the rows
that they lead to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from notes.keyset import Page, Position
from users.models import User

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
_USE = """
SELECT count(is_archived), count(*) - count(is_archived) FROM note_tags
WHERE user_id = %(user)s AND tag_id = (SELECT id FROM tags WHERE name = %(name)s)
"""


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
    with connection.cursor() as cursor:
        cursor.execute(_USE, {"user": user.pk, "name": name})
        return Use(*cursor.fetchone())
