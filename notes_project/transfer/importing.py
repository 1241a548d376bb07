"""Writing items as notes: each whole or not at all, and none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

import orjson
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models.expressions import RawSQL
from psycopg.errors import QueryCanceled

from notes.models import Note
from notes.write import find_tags
from transfer import formats
from transfer.completing import complete, discard
from transfer.destinations import Destinations
from transfer.drafts import Draft, Unfit, draft_of
from transfer.errors import Unfinished
from transfer.items import Item, Lost, Refused
from transfer.report import CHANGED, COMPLETED, CREATED, LOST, REFUSED, UNCHANGED, Report
from transfer.scratch import scratch
from users.authentication import NoSuchAccount
from users.models import User

Entry = Draft | Refused | Lost

BATCH_NOTES = 500
# Of titles and contents, which take their time to index: Chinese 1.5 s of a processor for a
# megabyte. A statement has 10 s.
BATCH_BYTES = 256 * 1024
# As `Draft.state` has it.
_DIGEST = "encode(sha256(convert_to(notes.content, 'UTF8')), 'hex')"
_STATE = ("title", "digest", "content_format", "is_archived", "tag_names")
# In one order, so that two imports which make the same notes never wait for each other.
_CREATE = """
WITH new AS (
    SELECT *, now() + nth * interval '1 microsecond' AS made_at FROM unnest(
        %(ids)s::uuid[], %(titles)s::text[], %(contents)s::text[], %(formats)s::text[],
        %(archived)s::boolean[], %(created)s::timestamptz[], %(updated)s::timestamptz[],
        %(names)s::json[]
    ) WITH ORDINALITY AS new (
        id, title, content, content_format, is_archived, created_at, updated_at, names, nth
    )
), made AS (
    INSERT INTO notes (
        id, user_id, title, content, content_format, is_archived, created_at, updated_at, tag_names
    )
    SELECT id, %(user)s, title, content, content_format, is_archived,
        coalesce(created_at, updated_at, made_at), coalesce(updated_at, created_at, made_at),
        ARRAY(SELECT json_array_elements_text(names))
    FROM new ORDER BY id
    RETURNING id
)
INSERT INTO note_tags (note_id, tag_id)
SELECT note_id, tag_id
FROM unnest(%(linked)s::uuid[], %(tags)s::uuid[]) AS links (note_id, tag_id)
JOIN made ON made.id = note_id
"""


def take(
    user: User,
    files: Sequence[tuple[str, IO[bytes]]],
    max_bytes: int,
    *,
    dry_run: bool,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Writes what is not there yet, in transactions of up to `BATCH_NOTES` notes.

    What is there, or in the trash, stays as it is, but for what an earlier import left incomplete.
    Raises CannotImport, with nothing written, NoSuchAccount where the user is gone, and Unfinished.

    Args:
        files: names and contents of one upload.
        max_bytes: that an upload may have.
        progress: is told how many items are done.
    """
    with (
        formats.opened(files, max_bytes) as upload,
        Destinations(user.pk) as destinations,
        ExitStack() as failing,
    ):
        if upload.has_links:
            destinations.survey(upload.read(destinations.any_address))
        items = upload.read(destinations.address)
        report = failing.enter_context(Report(format=upload.format, dry_run=dry_run))
        done = 0
        for batch in _batches(_checked(destinations, items)):
            try:
                _take(_Run(user, destinations, report, dry_run), batch)
            except (OperationalError, InterfaceError) as error:
                raise Unfinished(error, report.counts[CREATED]) from error
            done += len(batch)
            progress(done)
        failing.pop_all()
    return report


@dataclass(frozen=True, slots=True)
class _Run:
    user: User
    destinations: Destinations
    report: Report
    dry_run: bool


def _checked(destinations: Destinations, items: Iterable[Item | Refused | Lost]) -> Iterator[Entry]:
    with closing(scratch("CREATE TABLE seen (id PRIMARY KEY) WITHOUT ROWID")) as seen:
        for item in items:
            if not isinstance(item, Item):
                yield item
                continue
            try:
                draft = draft_of(item, destinations.id)
            except Unfit as error:
                yield Refused(item.source, str(error))
                continue
            statement = "INSERT OR IGNORE INTO seen VALUES (?)"
            if not seen.execute(statement, [draft.id.bytes]).rowcount:
                yield Refused(item.source, "It has the same id as one before it.")
                continue
            yield draft
            if draft.title != item.title:
                yield Lost(item.source, "White space around its title is left out.")


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        more = entry.size_bytes if isinstance(entry, Draft) else 0
        if batch and (len(batch) == BATCH_NOTES or size_bytes + more > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(entry)
        size_bytes += more
    if batch:
        yield batch


def _take(run: _Run, batch: Sequence[Entry]) -> None:
    new = _without_known(run, batch)
    try:
        if new and not run.dry_run:
            _create(run.user, new)
    except (DataError, IntegrityError, OperationalError) as error:
        took_too_long = isinstance(error.__cause__, QueryCanceled)
        if isinstance(error, OperationalError) and (not took_too_long or len(new) == 1):
            raise
        if not User.objects.filter(pk=run.user.pk).exists():
            raise NoSuchAccount from None
        if len(new) > 1:
            # One does no harm to another.
            middle = len(new) // 2
            _take(run, new[:middle])
            _take(run, new[middle:])
            return
        # Unless another import has made it meanwhile.
        for draft in _without_known(run, new):
            run.report.add(REFUSED, draft.source, "The database does not take it.")
        return
    for _ in new:
        run.report.add(CREATED)


def _without_known(run: _Run, batch: Sequence[Entry]) -> list[Draft]:
    """The drafts of which the user has no note; of all else, what became of it is reported."""
    drafts = [entry for entry in batch if isinstance(entry, Draft)]
    known = _known(run.user, drafts) if drafts else {}
    new = []
    for entry in batch:
        if not isinstance(entry, Draft):
            outcome = LOST if isinstance(entry, Lost) else REFUSED
            run.report.add(outcome, entry.source, entry.reason)
            continue
        row = known.get(entry.own) or known.get(entry.id)
        if row is None:
            new.append(entry)
        elif row["deleted_at"] is not None:
            run.report.add(CHANGED, entry.source, "It is in the trash, and stays there.")
        else:
            if tuple(row[name] for name in _STATE) == entry.state:
                run.report.add(UNCHANGED)
            else:
                _complete(run, entry)
            for earlier in entry.earlier:
                there = known.get(earlier.id) if earlier.id != entry.id else None
                if there and there["deleted_at"] is None:
                    _discard(run, earlier)
    return new


def _complete(run: _Run, draft: Draft) -> None:
    outcome = complete(run.user, draft, run.destinations, dry_run=run.dry_run)
    reason = "It is here, and not as the upload has it; it stays as it is."
    run.report.add(outcome, draft.source, reason if outcome == CHANGED else "")


def _discard(run: _Run, draft: Draft) -> None:
    """Of two notes of one item that which was made of less."""
    if discard(run.user, draft, run.destinations, dry_run=run.dry_run):
        reason = "An earlier import made a second note of it, which is in the trash now."
        run.report.add(COMPLETED, draft.source, reason)
    else:
        reason = "An earlier import made a second note of it, which was changed since, and stays."
        run.report.add(CHANGED, draft.source, reason)


def _known(user: User, drafts: list[Draft]) -> dict[UUID | None, dict[str, Any]]:
    """By id what there is of them. No contents: those that are here may be large by now."""
    ids = [draft.id for entry in drafts for draft in (entry, *entry.earlier)]
    ids += [draft.own for draft in drafts if draft.own]
    notes = Note.objects.filter(user=user, pk__in=ids).with_tag_names()
    rows = notes.annotate(digest=RawSQL(_DIGEST, ())).values("pk", "deleted_at", *_STATE)  # noqa: S611
    return {row["pk"]: row for row in rows}


def _create(user: User, drafts: list[Draft]) -> None:
    """Makes all of them or none. Raises DataError, IntegrityError."""
    names = sorted({tag for draft in drafts for tag in draft.tags})
    with transaction.atomic(), connection.cursor() as cursor:
        tags = dict(zip(names, find_tags(names), strict=True))
        links = [(draft.id, tags[tag]) for draft in drafts for tag in draft.tags]
        cursor.execute(_CREATE, _values(user, drafts, links))


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
