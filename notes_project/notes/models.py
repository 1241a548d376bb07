"""Notes and tags, the seed's tables. The database itself carries defaults, cascades and times."""

from __future__ import annotations

import uuid
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import HashIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Collate, Left, Lower

from notes import shape
from notes.keyset import KeysetQuerySet
from notes.tag_names import MAX_LENGTH
from users.models import User

DEFAULT_TITLE = "Untitled"
EXCERPT_LENGTH = 200
TEXT, BLOCKS = "text", "blocks"
CONTENT_FORMATS = [(TEXT, "Text"), (BLOCKS, "Blocks")]
_LIVING = models.Q(deleted_at=None)
_LIST_KEYS: dict[str, Any] = {
    "updated_at": "updated_at",
    "created_at": "created_at",
    "title": Collate(Lower("title"), "C"),
}


class NoteQuerySet(KeysetQuerySet["Note"]):
    """The trash alone is paged by it; the lists of the other notes are in `notes.lists`."""

    def owned_by(self, user: User) -> NoteQuerySet:
        """The user's notes, without those in the trash."""
        return self.filter(user=user, deleted_at=None)

    def set_archived(self, archived: bool) -> int:
        """Archives the notes, or brings them back; returns how many were not so before."""
        return self.filter(is_archived=not archived).update(is_archived=archived)

    def with_tag_names(self) -> NoteQuerySet:
        """With ``tag_names``, which the database keeps: as a field, a save would write it back."""
        return self.annotate(tag_names=RawSQL("notes.tag_names", ()))

    def representations(self) -> list[bytes]:
        """What the API shows of each note, whole, as JSON."""
        return [note.encode() for note in self._as(shape.NOTE)]

    def _as(self, expression: str) -> models.QuerySet[Note, str]:
        return self.values_list(RawSQL(expression, ()), flat=True)  # noqa: S611 - constants


class TrashQuerySet(NoteQuerySet):
    keyset = ("deleted_at", "id")
    descending = True

    def trashed_by(self, user: User) -> TrashQuerySet:
        """The notes in the user's trash."""
        return self.filter(user=user, deleted_at__isnull=False)

    def in_order_of(self, user: User) -> TrashQuerySet:
        """Along the index, also while the planner does not know that the user has very many."""
        dear = "CASE WHEN notes.user_id = %s THEN true ELSE notes_dear() END"
        return self.filter(RawSQL(dear, (user.pk,), models.BooleanField()))  # noqa: S611

    def summaries(self) -> list[dict[str, Any]]:
        return [orjson.loads(note) for note in self._as(shape.TRASHED_SUMMARY)]

    def representations(self) -> list[bytes]:
        return [note.encode() for note in self._as(shape.TRASHED)]


class Tag(models.Model):
    """A word in a dictionary that all users share and none sees whole."""

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    # Code point order: the same on every server, and a prefix search can use the index.
    name = models.CharField(max_length=MAX_LENGTH, db_collation="C")

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
    # Told, not guessed: text that looks like JSON stays text.
    content_format = models.CharField(
        max_length=10, choices=CONTENT_FORMATS, default=TEXT, db_default=TEXT
    )
    # Of a block document its text. Kept by the database (migration 0006).
    excerpt = models.GeneratedField(
        expression=Left(
            models.Func("content", "content_format", function="notes_plain_text"), EXCERPT_LENGTH
        ),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    is_archived = models.BooleanField("archived", default=False, db_default=False)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    # Moved by a trigger with every UPDATE, whoever sends it (migration 0003).
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    # Set while the note is in the trash.
    deleted_at = models.DateTimeField(null=True, editable=False)
    # The number of the present state. Where title or content change, a trigger keeps the former one
    # and raises it; who changes the tags raises it before, to the same effect (migration 0005).
    version = models.IntegerField(default=1, db_default=1, editable=False)
    tags = models.ManyToManyField(Tag, through="NoteTag", related_name="notes", blank=True)

    objects = NoteQuerySet.as_manager()
    trash = TrashQuerySet.as_manager()

    class Meta:
        db_table = "notes"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(content_format=TEXT)
                | models.Q(content_format=BLOCKS, content__isnull=False),
                name="notes_content_format",
            )
        ]
        # One for each order of the lists; migration 0007 has those of the notes with a tag.
        indexes = [
            *(
                models.Index(
                    "user", "is_archived", key, "id", name=f"notes_by_{name}", condition=_LIVING
                )
                for name, key in _LIST_KEYS.items()
            ),
            # The admin's list, of everybody's.
            models.Index(fields=["updated_at", "id"], name="notes_of_all"),
            # As few steps however many notes there are: a tag's list looks up each by its id.
            HashIndex("id", name="notes_by_id"),
            # The trash. Not partial: deleting a user finds all notes by it.
            models.Index(fields=["user", "deleted_at", "id"], name="notes_trash"),
        ]

    def __str__(self) -> str:
        return self.title


class NoteSearch(models.Model):
    """What the search reads of a note. Triggers alone write it (migration 0009)."""

    note = models.OneToOneField(Note, models.DO_NOTHING, primary_key=True, related_name="indexed")
    search = SearchVectorField()

    class Meta:
        db_table = "note_search"

    def __str__(self) -> str:
        return str(self.note_id)


class NoteTag(models.Model):
    pk = models.CompositePrimaryKey("note_id", "tag_id")
    note = models.ForeignKey(Note, models.DO_NOTHING, db_index=False)
    tag = models.ForeignKey(Tag, models.DO_NOTHING, db_index=False)

    class Meta:
        # With copies of the note's columns that the lists need, which the database keeps by itself.
        db_table = "note_tags"

    def __str__(self) -> str:
        return f"{self.note_id} {self.tag_id}"


class TagCount(models.Model):
    """On how many of a user's notes a tag is, in the trash or not: the sum of the rows.

    Triggers alone write it (migration 0013).
    """

    id = models.BigAutoField(primary_key=True)
    # They go with the user's notes.
    user = models.ForeignKey(
        User, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    is_trash = models.BooleanField()
    name = models.CharField(max_length=MAX_LENGTH, db_collation="C")
    notes = models.IntegerField()

    class Meta:
        db_table = "tag_counts"
        indexes = [models.Index(fields=["user", "is_trash", "name"], name="tag_counts_of_user")]

    def __str__(self) -> str:
        return f"{self.name} ({self.notes})"


class NoteVersionQuerySet(KeysetQuerySet["NoteVersion"]):
    keyset = ("number",)
    descending = True

    def of_note(self, note_id: str, user: User) -> NoteVersionQuerySet:
        """The former states of a living note of the user's."""
        return self.filter(note__pk=note_id, note__user=user, note__deleted_at=None)

    def summaries(self) -> list[dict[str, Any]]:
        return self._dictionaries("number", "title", "tags", "updated_at", "replaced_at")

    def representations(self) -> list[dict[str, Any]]:
        """What the API shows of each, whole."""
        names = ("number", "title", "content", "content_format", "tags")
        rows = self._dictionaries(*names, "updated_at", "replaced_at")
        for row in rows:
            if row["content_format"] == BLOCKS:
                row["content"] = orjson.loads(row["content"])
        return rows

    def _dictionaries(self, *names: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self.values(*names)]


class NoteVersion(models.Model):
    """A former state of a note, which a trigger keeps (migration 0005)."""

    pk = models.CompositePrimaryKey("note_id", "number")
    note = models.ForeignKey(
        Note, models.DO_NOTHING, related_name="versions", db_index=False, db_constraint=False
    )
    number = models.IntegerField()
    title = models.CharField(max_length=500)
    content = models.TextField(null=True)  # noqa: DJ001 - as of the note
    content_format = models.CharField(
        max_length=10, choices=CONTENT_FORMATS, default=TEXT, db_default=TEXT
    )
    tags = ArrayField(models.CharField(max_length=MAX_LENGTH))
    # Of this state.
    updated_at = models.DateTimeField()
    replaced_at = models.DateTimeField(db_default=TransactionNow())

    objects = NoteVersionQuerySet.as_manager()

    class Meta:
        db_table = "note_versions"
        indexes = [models.Index(fields=["replaced_at"], name="note_versions_overdue")]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


class IdempotencyKey(models.Model):
    """A request of a user, and the answer to it while it is kept."""

    pk = models.CompositePrimaryKey("user_id", "key")
    user = models.ForeignKey(User, models.DO_NOTHING, db_index=False, db_constraint=False)
    key = models.CharField(max_length=255, db_collation="C")
    request = models.BinaryField()
    # The answer. It comes in the transaction that makes the row, so nobody sees it without.
    status = models.SmallIntegerField(default=0, db_default=0)
    headers = models.JSONField(default=dict, db_default={})
    body = models.BinaryField(default=bytes, db_default=b"")
    created_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "idempotency_keys"
        indexes = [models.Index(fields=["created_at"], name="idempotency_keys_overdue")]

    def __str__(self) -> str:
        return self.key
