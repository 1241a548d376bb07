"""Compares the shadow users with the users of users_project, by digests.

This side is always read first. So whatever is newer there may be on its way here, and whatever is
newer here, or of one version and not equal, is wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from inbox.digest_client import CannotCompare, DigestClient
from inbox.digests import MOST_BUCKETS, Range, bucket_digests, bucket_range, user_digests

# Users that are waited for together, and users that a result names.
LIMIT = 1000
# Seconds between two looks at users who may be on their way.
PAUSE = 0.2

_TOMBSTONES = """
SELECT id, version FROM unnest(%s::uuid[], %s::uuid[]) AS wanted (first, last)
JOIN deleted_users ON id BETWEEN first AND last
"""


class Kind(StrEnum):
    CHANGED = "changed"  # one version, and not equal: one side was written behind its triggers
    AHEAD = "ahead"  # newer here
    DELETED = "deleted"  # deleted here, and there is such a user there
    MISSING = "missing"  # there alone
    BEHIND = "behind"  # older here
    GHOST = "ghost"  # here alone


# An event may be on its way that mends it.
PASSING = frozenset((Kind.MISSING, Kind.BEHIND, Kind.GHOST))


class Row(NamedTuple):
    """A user on one side; the digest is None for a tombstone."""

    version: int
    digest: int | None


class Difference(NamedTuple):
    """Versions are None where that side does not know the user."""

    kind: Kind
    id: UUID
    here: int | None
    there: int | None


@dataclass(slots=True)
class Result:
    """Args:
    users: how many there are here.
    differences: at most some more than LIMIT.
    buckets_left: how many buckets differ too, and were not looked into.
    """

    users: int
    differences: list[Difference] = field(default_factory=list)
    buckets_left: int = 0

    @property
    def counts(self) -> Counter[str]:
        return Counter(difference.kind.value for difference in self.differences)

    def as_json(self) -> dict[str, Any]:
        return {
            "equal": not self.differences,
            "users": self.users,
            "differences": [
                {**difference._asdict(), "id": str(difference.id)}
                for difference in self.differences
            ],
            "buckets_left": self.buckets_left,
        }


def compare(
    client: DigestClient, settle: float, progress: Callable[[str], None] = lambda _: None
) -> Result:
    """Compares all users once.

    Args:
        settle: seconds that what is on its way has to arrive, counted from when it was seen.

    Raises:
        CannotCompare: users_project or notes_db does not answer.
    """
    try:
        return _compare(client, settle, progress)
    except (OperationalError, InterfaceError) as error:
        reason = str(error).partition("\n")[0]
        raise CannotCompare(f"notes_db does not answer: {reason}.") from error


def _compare(client: DigestClient, settle: float, progress: Callable[[str], None]) -> Result:
    progress("reading notes_db")
    here = {number: (count, digest) for number, count, digest in bucket_digests()}
    progress("reading users_db")
    there = client.buckets()
    result = Result(users=sum(count for count, _ in here.values()))
    numbers = here.keys() | there.keys()
    left = [number for number in numbers if here.get(number) != there.get(number)]
    while left and len(result.differences) < LIMIT:
        passing: dict[UUID, Row | None] = {}
        while left and len(passing) + len(result.differences) < LIMIT:
            progress(f"{len(left)} buckets differ")
            for difference, row in _look_into(left[:MOST_BUCKETS], client):
                if difference.kind in PASSING:
                    passing[difference.id] = row
                else:
                    result.differences.append(difference)
            left = left[MOST_BUCKETS:]
        result.differences += _settle(passing, settle, progress)
    result.buckets_left = len(left)
    return result


def _look_into(buckets: Sequence[int], client: DigestClient) -> list[tuple[Difference, Row | None]]:
    """What differs, each with the row of the other side."""
    here = _rows_here([bucket_range(bucket) for bucket in buckets])
    there = {user: Row(*row) for user, row in client.users(buckets).items()}
    found = []
    for user in here.keys() | there.keys():
        if difference := _difference(user, here.get(user), there.get(user)):
            found.append((difference, there.get(user)))
    return found


def _settle(
    passing: dict[UUID, Row | None], seconds: float, progress: Callable[[str], None]
) -> list[Difference]:
    """Looks at the users until this side has come to the state that the other one had.

    Args:
        passing: the row there as it was read, None for a user who was not there.

    Returns:
        What still differs after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while passing:
        here = _rows_here([(user, user) for user in passing])
        found = [_difference(user, here.get(user), there) for user, there in passing.items()]
        # Newer than what was there, or deleted, is what has happened there since.
        late = [each for each in found if each and each.kind not in (Kind.AHEAD, Kind.DELETED)]
        if not late or time.monotonic() >= deadline:
            return late
        passing = {difference.id: passing[difference.id] for difference in late}
        progress(f"waiting for {len(late)} users")
        time.sleep(PAUSE)
    return []


def _difference(user: UUID, here: Row | None, there: Row | None) -> Difference | None:
    if there is None:
        kind = Kind.GHOST if here and here.digest is not None else None
    elif here is None:
        kind = Kind.MISSING
    elif here.digest is None:
        kind = Kind.DELETED
    elif here.version != there.version:
        kind = Kind.BEHIND if here.version < there.version else Kind.AHEAD
    else:
        kind = Kind.CHANGED if here.digest != there.digest else None
    if kind is None:
        return None
    return Difference(kind, user, here and here.version, there and there.version)


def _rows_here(ranges: Sequence[Range]) -> dict[UUID, Row]:
    """Users and tombstones. A user who is deleted between the two statements is deleted."""
    rows = {user: Row(version, digest) for user, version, digest in user_digests(ranges)}
    with connection.cursor() as cursor:
        cursor.execute(_TOMBSTONES, [[first for first, _ in ranges], [last for _, last in ranges]])
        return rows | {user: Row(version, None) for user, version in cursor.fetchall()}
