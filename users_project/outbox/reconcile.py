"""Makes the topic follow users_db: after a restore, or a change behind the triggers.

The topic is read into a temporary table of this connection, a batch at a time, so memory stays
bounded; the comparison is SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from outbox import messages
from outbox.messages import Message, UserEvent
from outbox.republish import BATCH, FIRST_ID, SNAPSHOT

_CREATE = """
CREATE TEMPORARY TABLE topic_users (
    id uuid PRIMARY KEY, deleted boolean, version bigint, snapshot boolean, data jsonb,
    ambiguous boolean DEFAULT false
)
"""
# After a restore a version can be given again, to another state. Readers keep the first of the two,
# unless the other is a snapshot.
_KEEP_NEWEST = """
INSERT INTO topic_users AS kept (id, deleted, version, snapshot, data)
SELECT * FROM unnest(%s::uuid[], %s::boolean[], %s::bigint[], %s::boolean[], %s::jsonb[])
ON CONFLICT (id) DO UPDATE SET
    deleted = EXCLUDED.deleted, version = EXCLUDED.version, data = EXCLUDED.data,
    ambiguous = kept.version = EXCLUDED.version AND NOT EXCLUDED.snapshot
        AND (kept.ambiguous OR kept.data <> EXCLUDED.data)
WHERE (kept.deleted, kept.version) <= (EXCLUDED.deleted, EXCLUDED.version)
"""
# What waits in the outbox explains that the topic lacks it, and nothing else.
_WAITING = (
    "SELECT FROM outbox AS o WHERE o.aggregateid = u.id::text"
    " AND o.payload -> 'data' = user_event_data(u)"
)
_DIFFERENCES = {
    "unsent": "FROM users AS u LEFT JOIN topic_users AS t USING (id)"
    " WHERE (t.id IS NULL OR NOT t.deleted AND t.version < u.version)"
    f" AND NOT EXISTS ({_WAITING})",
    "behind": "FROM users AS u JOIN topic_users AS t USING (id) WHERE NOT t.deleted"
    " AND (t.version > u.version OR t.version = u.version"
    " AND (t.ambiguous OR t.data <> user_event_data(u))"
    f" AND NOT EXISTS ({_WAITING} AND o.type = '{messages.SNAPSHOT}'))",
    "deleted": "FROM users AS u JOIN topic_users AS t USING (id) WHERE t.deleted",
    "unknown": "FROM topic_users AS t LEFT JOIN users AS u USING (id)"
    " WHERE NOT t.deleted AND u.id IS NULL"
    " AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.aggregateid = t.id::text"
    " AND o.type = 'user.deleted.v1')",
}
_REPAIRS = {
    "unsent": SNAPSHOT,
    # The trigger sends it: a version that every reader takes for newer, or a snapshot of the last.
    "behind": "UPDATE users SET version = t.version + 1 FROM topic_users AS t"
    " WHERE users.id = t.id AND users.id = ANY(%s)",
    "deleted": "DELETE FROM users WHERE id = ANY(%s)",
    "unknown": "INSERT INTO outbox (aggregatetype, type, payload)"  # noqa: S608 - a constant
    " SELECT 'user', 'user.deleted.v1',"
    f" jsonb_build_object('id', id, 'version', LEAST(version + 1, {messages.LAST_VERSION}))"
    " FROM topic_users WHERE id = ANY(%s)",
}
_DELETING = ("deleted", "unknown")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many users differ from the topic, and the ids of the first few of each kind.

    Args:
        counts: ``unsent``: the topic has an older state or none; ``behind``: it has a newer one, or
            another one of the same version, be it the only one or not; ``deleted``: it says that
            the user is deleted; ``unknown``: it has a user that is not here.
        samples: ids by the same names.
    """

    counts: dict[str, int]
    samples: dict[str, list[UUID]]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def repairable(self, *, delete: bool) -> int:
        """How many of them a repair is for."""
        return sum(self.counts[name] for name in _repaired(delete=delete))


def load(batches: Iterable[list[Message]], progress: Callable[[int], None]) -> int:
    """Fills the temporary table with the newest event of each user in the topic.

    Args:
        progress: called with how many messages were read.

    Returns:
        How many say nothing of a user: readers set them aside, or their type is not known here.
    """
    read = unreadable = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS topic_users")
        cursor.execute(_CREATE)
        for batch in batches:
            lists = _each_user_once(batch)
            for events in lists:
                cursor.execute(_KEEP_NEWEST, _columns(events))
            read += len(batch)
            unreadable += len(batch) - sum(map(len, lists))
            progress(read)
        cursor.execute("ANALYZE topic_users")
    return unreadable


def compare(samples: int = 5) -> Comparison:
    counts, examples = {}, {}
    with connection.cursor() as cursor:
        for name, difference in _DIFFERENCES.items():
            cursor.execute(f"SELECT count(*) {difference}")
            counts[name] = int((cursor.fetchone() or (0,))[0])
            cursor.execute(f"SELECT id {difference} LIMIT %s", [samples])
            examples[name] = [row[0] for row in cursor.fetchall()]
    return Comparison(counts, examples)


def repair(*, delete: bool, progress: Callable[[int], None]) -> int:
    """Makes the topic equal to users_db, in small transactions. Returns how many users.

    Args:
        delete: also delete those who are ``deleted`` and ``unknown``, with their notes.
        progress: called with how many are repaired.
    """
    repaired = 0
    for name in _repaired(delete=delete):
        for ids in _in_batches(_DIFFERENCES[name]):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT FROM users WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
                cursor.execute(_REPAIRS[name], [ids])
            repaired += len(ids)
            progress(repaired)
    return repaired


def _repaired(*, delete: bool) -> list[str]:
    return [name for name in _REPAIRS if delete or name not in _DELETING]


def _in_batches(difference: str) -> Iterator[list[UUID]]:
    last = FIRST_ID
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id {difference} AND id > %s ORDER BY id LIMIT %s", [last, BATCH]
            )
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        yield ids
        last = ids[-1]


def _each_user_once(batch: Iterable[Message]) -> list[list[UserEvent]]:
    """The events in lists of which each has a user at most once: an upsert takes no row twice."""
    lists: list[list[UserEvent]] = []
    seen: Counter[UUID] = Counter()
    for key, value in batch:
        event = messages.parse(key, value)
        if event is None:
            continue
        if seen[event.user_id] == len(lists):
            lists.append([])
        lists[seen[event.user_id]].append(event)
        seen[event.user_id] += 1
    return lists


def _columns(events: Iterable[UserEvent]) -> list[list[object]]:
    rows = (
        (e.user_id, e.type == messages.DELETED, e.version, e.type == messages.SNAPSHOT, e.data)
        for e in events
    )
    return [list(column) for column in zip(*rows, strict=True)]
