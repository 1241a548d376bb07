"""Digests of users, by which users_project and notes_project are compared.

A user's digest is the first 64 bits of the SHA-256 of id, version, is_active, tokens_valid_after
and created_at (microseconds since 2000-01-01 UTC), all of fixed width in network byte order, and
the username in UTF-8. A bucket is the users whose ids begin with the same 16 bits, so a range of
the primary key; its digest is the XOR of theirs. Both projects have this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

# 15 users in each at 10^6 and 150 at 10^7: not much is read of a bucket for one that differs.
BUCKETS = 1 << 16
# In one request for the users of buckets.
MOST_BUCKETS = 256
# Seconds that the whole table may take; other statements of web requests have ten.
SCAN_WITHIN = 60

_DIGESTED = """
FROM (
    SELECT id, version, get_byte(uuid_send(id), 0) << 8 | get_byte(uuid_send(id), 1) AS bucket,
        ('x' || encode(substr(sha256(
            uuid_send(id) || int8send(version) || boolsend(is_active)
            || timestamptz_send(tokens_valid_after) || timestamptz_send(created_at)
            || convert_to(username, 'UTF8')
        ), 1, 8), 'hex'))::bit(64)::bigint AS digest
    FROM users
) AS digested
"""

Range = tuple[UUID, UUID]


def bucket_range(bucket: int) -> Range:
    """The first and the last id that belong to it."""
    return UUID(int=bucket << 112), UUID(int=((bucket + 1) << 112) - 1)


def bucket_digests() -> list[tuple[int, int, int]]:
    """Number, count of users and digest of each bucket that has users. Reads the whole table."""
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        connection.connection.allowing(SCAN_WITHIN + 2),
    ):
        cursor.execute(f"SET LOCAL statement_timeout = '{SCAN_WITHIN}s'")
        # PostgreSQL expects as many buckets as ids, and would sort these on disk.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL work_mem = '32MB'")
        cursor.execute(f"SELECT bucket, count(*), bit_xor(digest) {_DIGESTED} GROUP BY bucket")
        return list(cursor.fetchall())


def user_digests(ranges: Sequence[Range]) -> list[tuple[UUID, int, int]]:
    """Id, version and digest of each user in these ranges of ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, version, digest {_DIGESTED} JOIN unnest(%s::uuid[], %s::uuid[])"
            " AS wanted (first, last) ON id BETWEEN first AND last",
            [[first for first, _ in ranges], [last for _, last in ranges]],
        )
        return list(cursor.fetchall())
