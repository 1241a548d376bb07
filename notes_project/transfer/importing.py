"""Writing items as notes: each whole or not at all, and none twice."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any
from uuid import UUID

import orjson
from django.db import DataError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from notes import blocks
from notes.models import BLOCKS, TEXT, Note
from notes.serializers import ID, MAX_CONTENT_BYTES, MAX_TAGS, MAX_TITLE
from notes.tag_names import InvalidTagName, normalise_all
from notes.write import make_tags
from transfer import formats
from transfer.items import Item, Lost, Refused, note_id
from transfer.report import CHANGED, CREATED, LOST, REFUSED, UNCHANGED, Report
from users.authentication import NoSuchAccount
from users.models import User

BATCH = 500
# Of contents: a large one takes its time to index, and a statement of a web request has 10 s.
BATCH_BYTES = 1024 * 1024
# A note changed later than now would be ordered wrong until then.
_CLOCKS_DIFFER = timedelta(days=1)
_FIND_TAGS = "SELECT name, id FROM tags WHERE name = ANY(%s) ORDER BY name FOR KEY SHARE"
# In one order, so that two imports which make the same notes never wait for each other.
_CREATE = """
WITH new AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(titles)s::text[], %(contents)s::text[], %(formats)s::text[],
        %(archived)s::boolean[], %(created)s::timestamptz[], %(updated)s::timestamptz[],
        %(names)s::json[]
    ) AS new (id, title, content, content_format, is_archived, created_at, updated_at, names)
), made AS (
    INSERT INTO notes (
        id, user_id, title, content, content_format, is_archived, created_at, updated_at, tag_names
    )
    SELECT id, %(user)s, title, content, content_format, is_archived,
        coalesce(created_at, updated_at, now()), coalesce(updated_at, created_at, now()),
        ARRAY(SELECT json_array_elements_text(names))
    FROM new ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), linked AS (
    INSERT INTO note_tags (note_id, tag_id)
    SELECT note_id, tag_id
    FROM unnest(%(linked)s::uuid[], %(tags)s::uuid[]) AS links (note_id, tag_id)
    JOIN made ON made.id = note_id
)
SELECT id FROM made
"""


class Unfit(ValueError):
    """An item is nothing that a note can be. Its text is for the person whose it is."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An item as it is written. A note has the id `own` where it was exported from this user."""

    source: str
    id: UUID
    own: UUID | None
    title: str
    content: str | None
    content_format: str
    is_archived: bool
    tags: list[str]
    created_at: datetime | None
    updated_at: datetime | None

    @property
    def size(self) -> int:
        return len(self.content or "")

    @property
    def state(self) -> tuple[Any, ...]:
        """What tells whether a note is still as the item has it."""
        return self.title, self.content, self.content_format, self.is_archived, self.tags


def take(
    user: User,
    files: Sequence[tuple[str, IO[bytes]]],
    max_bytes: int,
    *,
    dry_run: bool,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Writes what is not there yet, in transactions of up to `BATCH` notes.

    What is there, or in the trash, stays as it is. Raises CannotImport, with nothing written, and
    NoSuchAccount where the user is gone.

    Args:
        files: names and contents of one upload.
        max_bytes: that an upload may have.
        progress: is told how many items are done.
    """

    def address(key: str) -> str:
        return reverse("note-detail", args=[note_id(user.pk, key)])

    with formats.opened(files, max_bytes, address) as (name, items), ExitStack() as failing:
        report = failing.enter_context(Report(format=name, dry_run=dry_run))
        _take_all(user, items, report, dry_run, progress)
        failing.pop_all()
    return report


def _take_all(
    user: User,
    items: Iterable[Item | Refused | Lost],
    report: Report,
    dry_run: bool,
    progress: Callable[[int], None],
) -> None:
    writer = _look if dry_run else _write
    done = 0
    for batch in _batches(_drafts(user.pk, items, report)):
        writer(user, batch, report)
        done += len(batch)
        progress(done)


def _drafts(
    user_id: UUID, items: Iterable[Item | Refused | Lost], report: Report
) -> Iterator[Draft]:
    # An empty name is a temporary file that goes with the connection.
    with closing(sqlite3.connect("", check_same_thread=False)) as seen:
        seen.execute("CREATE TABLE seen (id PRIMARY KEY) WITHOUT ROWID")
        for item in items:
            if not isinstance(item, Item):
                outcome = LOST if isinstance(item, Lost) else REFUSED
                report.add(outcome, item.source, item.reason)
                continue
            try:
                draft = _draft(user_id, item)
            except Unfit as error:
                report.add(REFUSED, item.source, str(error))
                continue
            statement = "INSERT OR IGNORE INTO seen VALUES (?)"
            if seen.execute(statement, [draft.id.bytes]).rowcount:
                yield draft
            else:
                report.add(REFUSED, item.source, "It has the same id as one before it.")


def _draft(user_id: UUID, item: Item) -> Draft:
    """Raises Unfit."""
    for text in (item.key, item.title, item.content if isinstance(item.content, str) else ""):
        _require_characters(text)
    if len(item.title) > MAX_TITLE:
        raise Unfit(f"Its title has more than {MAX_TITLE} characters.")
    content, content_format = _content(item)
    try:
        tags = normalise_all(item.tags)
    except InvalidTagName as error:
        raise Unfit(str(error)) from None
    if len(tags) > MAX_TAGS:
        raise Unfit(f"It has more than {MAX_TAGS} tags.")
    latest = timezone.now() + _CLOCKS_DIFFER
    if any(time and time > latest for time in (item.created_at, item.updated_at)):
        raise Unfit("It was created or changed in the future.")
    return Draft(
        item.source,
        note_id(user_id, item.key),
        UUID(item.key) if re.fullmatch(ID, item.key) else None,
        item.title,
        content,
        content_format,
        item.is_archived,
        tags,
        item.created_at,
        item.updated_at,
    )


def _content(item: Item) -> tuple[str | None, str]:
    """As it is stored. Raises Unfit."""
    if isinstance(item.content, dict):
        try:
            return str(blocks.canonical(item.content)), BLOCKS
        except blocks.InvalidDocument as error:
            place, (_, detail) = next(iter(error.errors.items()))
            raise Unfit(f"Its block document is not valid at {place or '/'}: {detail}") from None
    if item.content is not None and len(item.content.encode()) > MAX_CONTENT_BYTES:
        raise Unfit(f"Its content has more than {MAX_CONTENT_BYTES:,} bytes.")
    return item.content, TEXT


def _require_characters(text: str) -> None:
    """Raises Unfit for what PostgreSQL has no place for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("It has a lone surrogate, which is no character.") from None
    if "\0" in text:
        raise Unfit("It has a null character.")


def _batches(drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
    batch: list[Draft] = []
    size = 0
    for draft in drafts:
        if batch and (len(batch) == BATCH or size + draft.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(draft)
        size += draft.size
    if batch:
        yield batch


def _look(user: User, batch: list[Draft], report: Report) -> None:
    """A dry run."""
    for _ in _without_known(user, batch, report):
        report.add(CREATED)


def _write(user: User, batch: list[Draft], report: Report) -> None:
    new = _without_known(user, batch, report)
    try:
        made = _create(user, new) if new else set()
    except (DataError, IntegrityError):
        if not User.objects.filter(pk=user.pk).exists():
            raise NoSuchAccount from None
        if len(new) > 1:
            # One does no harm to another.
            for draft in new:
                _write(user, [draft], report)
        else:
            report.add(REFUSED, new[0].source, "The database does not take it.")
        return
    for _ in made:
        report.add(CREATED)
    # Made by another import meanwhile.
    for draft in _without_known(user, [draft for draft in new if draft.id not in made], report):
        report.add(REFUSED, draft.source, "It cannot be written. Import it again.")


def _without_known(user: User, batch: list[Draft], report: Report) -> list[Draft]:
    """Those of which the user has no note; the others are reported."""
    if not batch:
        return []
    ids = [draft.id for draft in batch] + [draft.own for draft in batch if draft.own]
    columns = ("title", "content", "content_format", "is_archived", "tag_names")
    rows = Note.objects.filter(user=user, pk__in=ids).with_tag_names()
    known = {row["pk"]: row for row in rows.values("pk", "deleted_at", *columns)}
    new = []
    for draft in batch:
        row = known.get(draft.own) or known.get(draft.id)
        if row is None:
            new.append(draft)
        elif row["deleted_at"] is not None:
            report.add(CHANGED, draft.source, "It is in the trash, and stays there.")
        elif tuple(row[name] for name in columns) == draft.state:
            report.add(UNCHANGED)
        else:
            report.add(
                CHANGED, draft.source, "It is here, and was changed since; it stays as it is."
            )
    return new


def _create(user: User, drafts: list[Draft]) -> set[UUID]:
    """Returns the ids of those that were not there. Raises DataError, IntegrityError."""
    names = sorted({tag for draft in drafts for tag in draft.tags})
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FIND_TAGS, [names])
            tags = dict(cursor.fetchall())
            if len(tags) == len(names):
                links = [(draft.id, tags[tag]) for draft in drafts for tag in draft.tags]
                cursor.execute(_CREATE, _values(user, drafts, links))
                return {row[0] for row in cursor.fetchall()}
        make_tags(names)


def _values(user: User, drafts: list[Draft], links: list[tuple[UUID, UUID]]) -> dict[str, Any]:
    return {
        "user": user.pk,
        "ids": [draft.id for draft in drafts],
        "titles": [draft.title for draft in drafts],
        "contents": [draft.content for draft in drafts],
        "formats": [draft.content_format for draft in drafts],
        "archived": [draft.is_archived for draft in drafts],
        "created": [draft.created_at for draft in drafts],
        "updated": [draft.updated_at for draft in drafts],
        "names": [orjson.dumps(draft.tags).decode() for draft in drafts],
        "linked": [link[0] for link in links],
        "tags": [link[1] for link in links],
    }
