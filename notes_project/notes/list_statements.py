"""The statements of `notes.lists`: they depend on the form of what is asked, not on its values.

They are written here and not by the ORM, which takes longer to write one than PostgreSQL to run it.
They read an index in the order of the list, from the cursor on.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

from notes.shape import SUMMARY

Order = Literal["updated_at", "created_at", "title"]

SCAN = 2_000
"""How many notes a page looks at, at most, where no index knows which of them it wants. A page that
reaches this has fewer notes than it may have, and the next one goes on from there."""

# What the lists are ordered by, in notes and in note_tags, and its type.
KEYS = {
    "updated_at": ("updated_at", "updated_at", "timestamptz"),
    "created_at": ("created_at", "created_at", "timestamptz"),
    "title": ('lower(title) COLLATE "C"', "title_key", "text"),
}


class Form(NamedTuple):
    """All that the text of a statement depends on; the rest are its parameters.

    Args:
        falling: the way in which the statement goes.
        spans: the names of the parameters that bound times.
        goes_on: whether there is a position.
    """

    order: Order
    falling: bool
    archived: bool | None
    tags: Literal["none", "one", "all", "any"]
    spans: tuple[str, ...]
    goes_on: bool


BOUNDS = {
    "created_after": "created_at >= %(created_after)s",
    "created_before": "created_at < %(created_before)s",
    "updated_after": "updated_at >= %(updated_after)s",
    "updated_before": "updated_at < %(updated_before)s",
}
# Always true; `notes_dear` is never called. The planner reckons with its cost, beside which any way
# to the rows costs the same, and takes the one that has its first row at once: an index in the
# order of the list. Without it, while the statistics do not know that a user has very many notes,
# all are fetched and sorted.
IN_ORDER = "CASE WHEN user_id = %(user)s THEN true ELSE notes_dear() END"
_HAS_ALL_TAGS = "(SELECT tag_names FROM notes WHERE id = looked_at.id) @> %(tags)s::text[]"
_TAG = {
    "one": "(SELECT tags.id FROM tags WHERE name = %(tag)s)",
    "any": "tags.id",
    # The one that fewest notes have; none where one of them does not exist.
    "all": f"""(
        SELECT CASE WHEN count(*) = %(count)s THEN (array_agg(tags.id ORDER BY uses))[1] END
        FROM tags, LATERAL (
            SELECT count(*) AS uses FROM (
                SELECT FROM note_tags AS links
                WHERE links.user_id = %(user)s AND links.tag_id = tags.id AND {IN_ORDER}
                ORDER BY is_archived, updated_at, note_id LIMIT %(scan)s
            ) AS few
        ) AS used WHERE name = ANY(%(tags)s)
    )""",  # noqa: S608
}
# The rows are named twice, not once as a CTE: so the planner knows that they come in order.
_FILTERED = """
WITH found AS MATERIALIZED (
    SELECT key, id FROM ({rows}) AS looked_at WHERE {conditions} {order} LIMIT %(more)s
), page AS (
    SELECT {note} AS note, key, id FROM found JOIN notes USING (id)
    UNION ALL (
        SELECT NULL, key, id FROM ({rows}) AS looked_at
        WHERE (SELECT count(*) FROM found) < %(more)s {order} OFFSET %(scan)s - 1
    )
)
SELECT note, key::text AS last_key, id::text AS last_id FROM page {order}, note IS NULL
"""


@cache
def page_statement(form: Form) -> str:
    way = "DESC" if form.falling else "ASC"
    order = f"ORDER BY key {way}, id {way}"
    # What no index of the list knows.
    conditions = [BOUNDS[name] for name in form.spans if not _is_of_key(name, form)]
    if form.tags == "all":
        conditions.append(_HAS_ALL_TAGS)
    if conditions:
        return _FILTERED.format(
            note=SUMMARY,
            rows=rows_statement(form, order, "id, created_at, updated_at", "%(scan)s"),
            conditions=" AND ".join(conditions),
            order=order,
        )
    if form.tags == "none":
        source = f"({rows_statement(form, order, 'notes.*', '%(more)s')}) AS notes"
    else:
        source = f"({rows_statement(form, order, 'id', '%(more)s')}) AS page JOIN notes USING (id)"
    columns = f"{SUMMARY}, key::text AS last_key, id::text AS last_id"
    return f"SELECT {columns} FROM {source} {order}"  # noqa: S608


def rows_statement(form: Form, order: str, columns: str, limit: str) -> str:
    """The rows from the position on, along an index."""
    of_notes, of_links, kind = KEYS[form.order]
    key = of_notes if form.tags == "none" else of_links
    conditions = ["user_id = %(user)s", IN_ORDER]
    conditions.append(
        f"is_archived = {'shelf.archived' if form.archived is None else form.archived}"
    )
    conditions += [BOUNDS[name] for name in form.spans if _is_of_key(name, form)]
    if form.goes_on:
        compare = "<" if form.falling else ">"
        conditions.append(f"({key}, id) {compare} (%(key)s::{kind}, %(id)s::uuid)")
    if form.tags == "none":
        table = "notes"
        conditions.append("deleted_at IS NULL")
    else:
        table = "(SELECT note_id AS id, * FROM note_tags) AS links"
        conditions.append(f"tag_id = {_TAG[form.tags]}")
    rows = (
        f"SELECT {columns}, {key} AS key FROM {table}"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} {order} LIMIT {limit}"
    )
    parts = {"(VALUES (false), (true)) AS shelf (archived)": form.archived is None}
    parts["(SELECT id FROM tags WHERE name = ANY(%(tags)s)) AS tags"] = form.tags == "any"
    several = [part for part, needed in parts.items() if needed]
    if not several:
        return rows
    # A note with two of the tags is found twice.
    distinct = "DISTINCT" if form.tags == "any" else ""
    return (
        f"SELECT {distinct} part.* FROM {', '.join(several)}, LATERAL ({rows}) AS part"  # noqa: S608
        f" {order} LIMIT {limit}"
    )


def _is_of_key(bound: str, form: Form) -> bool:
    return f"{bound.partition('_')[0]}_at" == form.order
