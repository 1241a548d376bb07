"""Changing tags: on one user's notes, which leaves the table of names alone, and on everybody's."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from config.errors import ServiceUnavailable
from notes.models import Tag
from notes.own_tags import Use
from notes.write import LONGEST, find_tags
from users.models import User

PIECE = 5000
"""Notes that are changed in one transaction: a second's work, for which others wait."""

_TAG = "(SELECT id FROM tags WHERE name = %({})s)"
# Notes are locked before their links are written to, as by whoever changes a note; in one order.
_DETACH = f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM notes WHERE {{own}} id IN (
        SELECT note_id FROM note_tags WHERE {{own}} tag_id = {_TAG.format("old")}
        {{order}} LIMIT %(piece)s
    ) ORDER BY id FOR NO KEY UPDATE
), gone AS (
    DELETE FROM note_tags USING locked
    WHERE note_id = locked.id AND tag_id = {_TAG.format("old")} RETURNING note_id, is_archived
){{attached}}
SELECT count(is_archived), count(*) - count(is_archived), (SELECT count(*) FROM locked) FROM gone
"""  # noqa: S608
# A note that has both tags keeps the one.
_ATTACH = f""", attached AS (
    INSERT INTO note_tags (note_id, tag_id) SELECT note_id, {_TAG.format("new")} FROM gone
    ON CONFLICT DO NOTHING
)"""  # noqa: S608
# Those in the trash first: who has the tag on these alone is told that there is none.
_OWN = {"own": "user_id = %(user)s AND", "order": "ORDER BY is_archived DESC"}
_ALL = {"own": "", "order": ""}

ORPHAN = "NOT EXISTS (SELECT FROM note_tags WHERE tag_id = tags.id)"
"""Of a row of tags: that it is on no note of anybody's."""
_LOCK_ORPHANS = f"SELECT id FROM tags WHERE id = ANY(%s) AND {ORPHAN} FOR UPDATE SKIP LOCKED"  # noqa: S608
_DELETE_ORPHANS = f"DELETE FROM tags WHERE id = ANY(%s) AND {ORPHAN} RETURNING id"  # noqa: S608


class Unfinished(ServiceUnavailable):
    """The tag is on more notes than there is time for. What is done is kept.

    Args:
        use: on how many notes the tag was changed.
    """

    def __init__(self, use: Use) -> None:
        self.use = use
        super().__init__(
            f"The tag is changed on {sum(use):,} notes, and on others it is not yet."
            " Send the request again, and it goes on."
        )


def detach_tag(user: User, name: str) -> Use:
    """Takes the tag off all of the user's notes, the trash too. Returns on how many it was.

    Raises Unfinished, as the next two.
    """

    def piece() -> tuple[Use, bool]:
        find_tags([name])
        return _change(_DETACH.format(**_OWN, attached=""), user=user.pk, old=name)

    return _in_pieces(piece, time.monotonic() + LONGEST)


def rename_tag(user: User, old: str, new: str) -> Use:
    """Puts the tag ``new`` in the place of ``old`` on all of the user's notes, the trash too.

    Returns on how many ``old`` was.
    """

    def piece() -> tuple[Use, bool]:
        find_tags([old, new])
        return _change(_DETACH.format(**_OWN, attached=_ATTACH), user=user.pk, old=old, new=new)

    return _in_pieces(piece, time.monotonic() + LONGEST)


def merge_tag(old: UUID, new: UUID, end: float) -> Use:
    """The same on the notes of all users; ``old`` is deleted.

    Raises Tag.DoesNotExist where one of them is gone.

    Args:
        end: when no other piece is begun, by the monotonic clock.
    """

    def piece() -> tuple[Use, bool]:
        both = Tag.objects.filter(pk__in=(old, new)).order_by("name").select_for_update(no_key=True)
        names = {tag.pk: tag.name for tag in both}
        if len(names) < 2:
            raise Tag.DoesNotExist
        # Whoever puts it on a note holds its row until the commit. From here on it comes on no
        # note: who waits for it finds it gone, and makes a new one.
        Tag.objects.select_for_update().get(pk=old)
        statement = _DETACH.format(**_ALL, attached=_ATTACH)
        use, more = _change(statement, old=names[old], new=names[new])
        if not more:
            Tag.objects.filter(pk=old).delete()
        return use, more

    return _in_pieces(piece, end)


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


def _in_pieces(piece: Callable[[], tuple[Use, bool]], end: float) -> Use:
    """Each in a transaction, as long as there is more. Returns the sum of them."""
    done = Use(0, 0)
    while True:
        with transaction.atomic():
            use, more = piece()
        done = Use(done.notes + use.notes, done.trashed + use.trashed)
        if not more:
            return done
        if time.monotonic() > end:
            raise Unfinished(done)


def _change(statement: str, **values: Any) -> tuple[Use, bool]:
    """Changes a piece. Returns on how many notes, and whether there may be more."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "piece": PIECE})
        notes, trashed, locked = cursor.fetchone()
        # Not by how many were changed: somebody else may have been faster.
        return Use(notes, trashed), locked == PIECE
