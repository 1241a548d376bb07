"""The tags of a user's notes: which there are, and on how many notes each is.

All that is read are counts that the database keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from notes.keyset import Page, Position
from notes.list_statements import IN_ORDER
from users.models import User

# Along the index, whatever the planner knows of the user.
_PAGE = f"""
SELECT name, sum(notes) FROM tag_counts
WHERE user_id = %(user)s AND NOT is_trash AND {IN_ORDER}
    AND starts_with(name, %(prefix)s) AND {{beyond}}
GROUP BY name HAVING sum(notes) > 0 ORDER BY name {{way}} LIMIT %(more)s
"""  # noqa: S608 - constants
_USE = """
SELECT coalesce(sum(notes) FILTER (WHERE NOT is_trash), 0),
    coalesce(sum(notes) FILTER (WHERE is_trash), 0)
FROM tag_counts
WHERE user_id = %(user)s AND is_trash IN (false, true) AND name = %(name)s
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
