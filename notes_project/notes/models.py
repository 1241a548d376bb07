"""Notes and tags, the seed's tables. The database itself carries defaults, cascades and times."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models
from django.db.models import Count, Exists, OuterRef
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left

from notes.keyset import KeysetQuerySet
from notes.tag_names import MAX_LENGTH
from users.models import User

DEFAULT_TITLE = "Untitled"
EXCERPT_LENGTH = 200
_LIVING = models.Q(deleted_at=None)
# As SQL: the ORM takes longer to write this subquery than PostgreSQL to run it.
_TAG_NAMES = """ARRAY(
    SELECT tags.name FROM note_tags JOIN tags ON tags.id = note_tags.tag_id
    WHERE note_tags.note_id = notes.id ORDER BY tags.name
)"""


class NoteQuerySet(KeysetQuerySet["Note"]):
    keyset = ("updated_at", "id")
    descending = True

    def owned_by(self, user: User) -> NoteQuerySet:
        """The user's notes, without those in the trash."""
        return self.filter(user=user, deleted_at=None)

    def trashed_by(self, user: User) -> NoteQuerySet:
        """The notes in the user's trash."""
        return self.filter(user=user, deleted_at__isnull=False)

    def archived(self, archived: bool) -> NoteQuerySet:
        return self.filter(is_archived=archived)

    def tagged(self, names: Collection[str], *, match_all: bool) -> NoteQuerySet:
        """The notes with all of these tags, or with any of them."""
        links = NoteTag.objects.filter(note=OuterRef("pk"))
        if match_all:
            return self.filter(*(Exists(links.filter(tag__name=name)) for name in names))
        return self.filter(Exists(links.filter(tag__name__in=names)))

    def set_archived(self, archived: bool) -> int:
        """Archives the notes, or brings them back; returns how many were not so before."""
        return self.archived(not archived).update(is_archived=archived)

    def summaries(self) -> list[dict[str, Any]]:
        return self._dictionaries("excerpt", excerpt=Left("content", EXCERPT_LENGTH))

    def representations(self) -> list[dict[str, Any]]:
        """What the API shows of each note, whole."""
        return self._dictionaries("content")

    def _dictionaries(self, text: str, **annotations: Any) -> list[dict[str, Any]]:
        """One query, plain dictionaries: a list of model instances costs five times as much."""
        names = RawSQL(_TAG_NAMES, ())  # noqa: S611 - constant
        rows = self.annotate(tag_names=names, **annotations).values_list(
            "id", "title", text, "is_archived", "tag_names", "created_at", "updated_at"
        )
        keys = ("id", "title", text, "is_archived", "tags", "created_at", "updated_at")
        return [dict(zip(keys, row, strict=True)) for row in rows]


class TagQuerySet(KeysetQuerySet["Tag"]):
    keyset = ("name",)

    def used_by(self, user: User) -> TagQuerySet:
        """The tags of a user's notes: no other tag may be seen by that user."""
        return self.filter(notes__user=user, notes__deleted_at=None)

    def summaries(self) -> list[dict[str, Any]]:
        """Names, and on how many of the notes that the filters left each stands."""
        rows = self.annotate(count=Count("notes")).values_list("name", "count")
        return [{"name": name, "count": count} for name, count in rows]


class Tag(models.Model):
    """A word in a dictionary that all users share and none sees whole."""

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    # Code point order: the same on every server, and a prefix search can use the index.
    name = models.CharField(max_length=MAX_LENGTH, db_collation="C")

    objects = TagQuerySet.as_manager()

    class Meta:
        db_table = "tags"
        # Not unique=True: that makes a second index, for prefixes, which the collation saves.
        constraints = [models.UniqueConstraint(fields=["name"], name="tags_name_key")]

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    # Python makes the key as well: bulk_create and the admin need it before the insert.
    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    # The database cascades (migration 0002), so that a DELETE by hand does what the ORM does.
    user = models.ForeignKey(User, models.DO_NOTHING, related_name="notes", db_index=False)
    title = models.CharField(max_length=500, default=DEFAULT_TITLE, db_default=DEFAULT_TITLE)
    content = models.TextField(null=True, blank=True)  # noqa: DJ001 - null is "never written"
    is_archived = models.BooleanField("archived", default=False, db_default=False)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    # Moved by a trigger with every UPDATE, whoever sends it (migration 0003).
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    # Set while the note is in the trash.
    deleted_at = models.DateTimeField(null=True, editable=False)
    tags = models.ManyToManyField(Tag, through="NoteTag", related_name="notes", blank=True)

    objects = NoteQuerySet.as_manager()

    class Meta:
        db_table = "notes"
        # One for each list that there is: all of a user's notes, and those archived or not.
        indexes = [
            models.Index(
                fields=["user", "-updated_at", "-id"], name="notes_of_user", condition=_LIVING
            ),
            models.Index(
                fields=["user", "is_archived", "-updated_at", "-id"],
                name="notes_of_user_archived",
                condition=_LIVING,
            ),
            # The trash. Not partial: deleting a user finds all notes by it.
            models.Index(fields=["user", "deleted_at", "id"], name="notes_trash"),
        ]

    def __str__(self) -> str:
        return self.title

    def representation(self, tags: list[str]) -> dict[str, Any]:
        """What the API shows of the note, given its tags' names in order."""
        return {
            "id": self.id,
            "title": self.title,
            "content": self.content,
            "is_archived": self.is_archived,
            "tags": tags,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


class NoteTag(models.Model):
    pk = models.CompositePrimaryKey("note_id", "tag_id")
    note = models.ForeignKey(Note, models.DO_NOTHING, db_index=False)
    tag = models.ForeignKey(Tag, models.DO_NOTHING, db_index=False)

    class Meta:
        db_table = "note_tags"
        indexes = [models.Index(fields=["tag", "note"], name="notes_of_tag")]

    def __str__(self) -> str:
        return f"{self.note_id} {self.tag_id}"
