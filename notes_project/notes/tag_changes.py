"""Changing tags: on one user's notes, which leaves the table of names alone, and on everybody's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from notes.models import Tag
from notes.own_tags import Use
from notes.write import find_tags
from users.models import User

LONGEST = 25
"""Seconds that a change of a tag may take: about 10^5 notes. The gateway waits a little longer."""

_TAG = "(SELECT id FROM tags WHERE name = %({})s)"
# Notes are locked before their links are written to, as by whoever changes a note; in one order.
_DETACH = f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM notes WHERE {{own}} id IN (
        SELECT note_id FROM note_tags WHERE {{own}} tag_id = {_TAG.format("old")}
    ) ORDER BY id FOR NO KEY UPDATE
), gone AS (
    DELETE FROM note_tags USING locked
    WHERE note_id = locked.id AND tag_id = {_TAG.format("old")} RETURNING note_id, is_archived
){{attached}}
SELECT count(is_archived), count(*) - count(is_archived) FROM gone
"""  # noqa: S608
# A note that has both tags keeps the one.
_ATTACH = f""", attached AS (
    INSERT INTO note_tags (note_id, tag_id) SELECT note_id, {_TAG.format("new")} FROM gone
    ON CONFLICT DO NOTHING
)"""  # noqa: S608
_OWN = "user_id = %(user)s AND"

ORPHAN = "NOT EXISTS (SELECT FROM note_tags WHERE tag_id = tags.id)"
"""Of a row of tags: that it is on no note of anybody's."""
_LOCK_ORPHANS = f"SELECT id FROM tags WHERE id = ANY(%s) AND {ORPHAN} FOR UPDATE SKIP LOCKED"  # noqa: S608
_DELETE_ORPHANS = f"DELETE FROM tags WHERE id = ANY(%s) AND {ORPHAN} RETURNING id"  # noqa: S608


@transaction.atomic
def detach_tag(user: User, name: str) -> Use:
    """Takes the tag off all of the user's notes, the trash too. Returns on how many it was."""
    find_tags([name])
    return _change(_DETACH.format(own=_OWN, attached=""), user=user.pk, old=name)


@transaction.atomic
def rename_tag(user: User, old: str, new: str) -> Use:
    """Puts the tag ``new`` in the place of ``old`` on all of the user's notes, the trash too.

    Returns on how many ``old`` was.
    """
    find_tags([old, new])
    return _change(_DETACH.format(own=_OWN, attached=_ATTACH), user=user.pk, old=old, new=new)


@transaction.atomic
def merge_tag(old: UUID, new: UUID) -> Use:
    """The same on the notes of all users; ``old`` is deleted.

    Raises Tag.DoesNotExist where one of them is gone.
    """
    both = Tag.objects.filter(pk__in=(old, new)).order_by("name").select_for_update(no_key=True)
    names = {tag.pk: tag.name for tag in both}
    if len(names) < 2:
        raise Tag.DoesNotExist
    # Whoever puts it on a note holds its row until the commit. From here on it comes on no note:
    # who waits for it finds it gone, and makes a new one.
    Tag.objects.select_for_update().get(pk=old)
    use = _change(_DETACH.format(own="", attached=_ATTACH), old=names[old], new=names[new])
    Tag.objects.filter(pk=old).delete()
    return use


@transaction.atomic
def delete_orphans(ids: Collection[UUID]) -> list[UUID]:
    """Deletes those of the tags that are on no note. Returns their ids.

    A tag that is being put on a note stays.
    """
    with connection.cursor() as cursor:
        # Locked first, then looked at again by a new snapshot: whoever puts a tag on a note holds
        # its row until the commit. What is locked here comes on no note meanwhile.
        cursor.execute(_LOCK_ORPHANS, [list(ids)])
        cursor.execute(_DELETE_ORPHANS, [[tag for (tag,) in cursor.fetchall()]])
        return [tag for (tag,) in cursor.fetchall()]


def _change(statement: str, **values: Any) -> Use:
    """More than other statements of a request may take, within the transaction."""
    database: Any = connection.connection
    with database.allowing(LONGEST + 2.0), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST}s'")
        cursor.execute(statement, values)
        return Use(*cursor.fetchone())
