"""Writing notes with their tags. Each function is one statement or one transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from config.errors import ServiceUnavailable
from notes.etags import UNCONDITIONAL, Conditions, entity_tag
from notes.fields import OtherFormat
from notes.merge_patch import ContentPatch
from notes.models import BLOCKS, Note, NoteQuerySet
from notes.shape import NOTE, read_note
from users.authentication import NoSuchAccount
from users.models import User

BATCH = 1000
LONGEST = 18.0
"""Seconds, of what goes in pieces. The last may take ten more, and the gateway waits for thirty."""
# What can be set, besides the tags.
COLUMNS = ("title", "content", "content_format")
# Nothing where a tag is missing. With the names, so that the triggers on links find nothing to do.
_CREATE = f"""
WITH found AS (
    SELECT id FROM tags WHERE name = ANY(%(tags)s) ORDER BY name FOR KEY SHARE
), made AS (
    INSERT INTO notes (
        user_id, title, content, content_format, tag_names, created_at, updated_at
    )
    SELECT %(user)s, %(title)s, %(content)s, %(content_format)s, %(tags)s, made_at, made_at
    FROM (SELECT now() + %(nth)s * interval '1 microsecond') AS new (made_at)
    WHERE (SELECT count(*) FROM found) = cardinality(%(tags)s::text[])
    RETURNING *
), linked AS (
    INSERT INTO note_tags (note_id, tag_id) SELECT made.id, found.id FROM made, found
)
SELECT id, {NOTE} FROM made AS notes
"""  # noqa: S608
# FOR KEY SHARE: a tag that is being deleted is waited for and then not found, never linked.
_FIND = "SELECT id FROM tags WHERE name = ANY(%s) ORDER BY name FOR KEY SHARE"
# One statement, after which the triggers see all of it and write the note once.
_LINK = """
WITH others AS (
    DELETE FROM note_tags WHERE note_id = %(note)s AND tag_id <> ALL(%(tags)s::uuid[])
)
INSERT INTO note_tags (note_id, tag_id) SELECT %(note)s, unnest(%(tags)s::uuid[])
ON CONFLICT DO NOTHING
"""
# In one order, so that two transactions which make the same tags never wait for each other.
_MAKE = """
INSERT INTO tags (name) SELECT name FROM unnest(%s::text[]) AS new (name) ORDER BY name
ON CONFLICT DO NOTHING
"""


def create_note(
    user: User,
    *,
    title: str,
    content: str | None,
    content_format: str,
    tags: list[str],
    nth: int = 0,
) -> tuple[UUID, bytes]:
    """Returns its id, and the note as JSON. Raises NoSuchAccount where the user is gone.

    Args:
        nth: of those in one transaction, which are ordered by it: a microsecond after each other.
    """
    values = {"title": title, "content": content, "content_format": content_format, "nth": nth}
    while True:
        try:
            with connection.cursor() as cursor:
                cursor.execute(_CREATE, {**values, "user": user.pk, "tags": tags})
                row = cursor.fetchone()
        except IntegrityError:
            # Deleted since the token was checked.
            raise NoSuchAccount from None
        if row:
            return row[0], row[1].encode()
        make_tags(tags)


@transaction.atomic
def change_note(
    user: User,
    note_id: UUID | str,
    fields: Mapping[str, Any],
    conditions: Conditions = UNCONDITIONAL,
) -> bytes | None:
    """Sets ``title``, ``content`` with ``content_format``, and ``tags``, those that are given.

    What is so already stays.

    Returns the note as JSON; None where the user has no such note. Raises PreconditionFailed, and
    ValidationError where ``content`` is a patch of which no document comes, or ``content_format``
    is given alone and is another.
    """
    tags = fields.get("tags")
    # Tags, notes, links: in the order of whoever renames or deletes a tag.
    found = [] if tags is None else find_tags(tags)
    own = Note.objects.owned_by(user).filter(pk=note_id)
    before = _lock(own, conditions, *COLUMNS)
    if before is None:
        return None
    if (
        "content" not in fields
        and fields.get("content_format", before["content_format"]) != (before["content_format"])
    ):
        raise OtherFormat
    patch = fields.get("content")
    if isinstance(patch, ContentPatch):
        document = before["content"] if before["content_format"] == BLOCKS else None
        fields = {**fields, "content": patch.applied_to(document)}
    changes = {
        name: value for name, value in fields.items() if name != "tags" and before[name] != value
    }
    if tags is not None and tags != before["tag_names"]:
        # A trigger keeps the former state where the text changes; of tags it has to be told, before
        # they change.
        changes["version"] = F("version") + 1
    if changes:
        own.update(**changes)
    if "version" in changes:
        _link(note_id, found)
    return _read(user, note_id)


@transaction.atomic
def archive_note(
    user: User, note_id: UUID | str, archived: bool, conditions: Conditions = UNCONDITIONAL
) -> bytes | None:
    """As `change_note`, for ``is_archived``."""
    own = Note.objects.owned_by(user).filter(pk=note_id)
    if _lock(own, conditions) is None:
        return None
    own.set_archived(archived)
    return _read(user, note_id)


@transaction.atomic
def trash_note(user: User, note_id: UUID | str, conditions: Conditions = UNCONDITIONAL) -> bool:
    """Moves a note to the trash; False where the user has no such note.

    Raises PreconditionFailed, as all that follows.
    """
    own = Note.objects.owned_by(user).filter(pk=note_id)
    return _lock(own, conditions) is not None and bool(own.update(deleted_at=TransactionNow()))


@transaction.atomic
def restore_note(
    user: User, note_id: UUID | str, conditions: Conditions = UNCONDITIONAL
) -> bytes | None:
    """Takes a note out of the trash; None where the user has none such there."""
    trashed = Note.trash.trashed_by(user).filter(pk=note_id)
    if _lock(trashed, conditions) is None:
        return None
    trashed.update(deleted_at=None)
    return _read(user, note_id)


@transaction.atomic
def delete_note(user: User, note_id: UUID | str, conditions: Conditions = UNCONDITIONAL) -> bool:
    """Deletes a note of the trash for good; False where the user has none such there."""
    trashed = Note.trash.trashed_by(user).filter(pk=note_id)
    return _lock(trashed, conditions) is not None and bool(trashed.delete()[0])


def empty_trash(user: User) -> None:
    """Deletes all of a user's trash, in transactions that are short however much it is.

    Raises ServiceUnavailable where it is more than there is time for; what is done is kept.
    """
    trashed = Note.trash.trashed_by(user)
    end, deleted = time.monotonic() + LONGEST, 0
    while ids := list(trashed.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            # In the order of whoever changes several notes: of two, one waits for the other.
            locked = trashed.filter(pk__in=ids).order_by("pk").select_for_update()
            found = trashed.filter(pk__in=list(locked.values_list("pk", flat=True)))
            deleted += found.delete()[0]
        if time.monotonic() > end and trashed.exists():
            raise ServiceUnavailable(
                f"{deleted:,} notes are deleted, and others are not yet."
                " Send the request again, and it goes on."
            )


def _read(user: User, note_id: UUID | str) -> bytes:
    """Of a note that this transaction has made or locked."""
    note = read_note(user.id, note_id)
    if note is None:
        raise Note.DoesNotExist
    return note


def _lock(note: NoteQuerySet, conditions: Conditions, *columns: str) -> Mapping[str, Any] | None:
    """Locks the one row and returns these columns and ``tag_names``; None where it is not there."""
    locked = note.with_tag_names().select_for_update(no_key=True)
    row: Mapping[str, Any] | None = locked.values("pk", "tag_names", *columns).first()
    if row is not None and conditions != UNCONDITIONAL:
        # Not in one query, which would read the tags of before it waited for the lock.
        conditions.require(entity_tag(note.representations()[0]))
    return row


def make_tags(names: Collection[str]) -> None:
    """Makes those of the normalised names that there are not."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, [list(names)])


def find_tags(names: Collection[str]) -> list[UUID]:
    """Locks the tags of these normalised names, and makes those there are not.

    Returns their ids, by name.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_FIND, [list(names)])
            found = [row[0] for row in cursor.fetchall()]
        if len(found) == len(names):
            return found
        make_tags(names)


def _link(note_id: UUID | str, tags: list[UUID]) -> None:
    """Makes these the note's tags."""
    with connection.cursor() as cursor:
        cursor.execute(_LINK, {"note": note_id, "tags": tags})
