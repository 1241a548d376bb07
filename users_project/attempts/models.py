"""How often something failed within a time, for all web servers: they share the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, models
from django.utils.crypto import salted_hmac

_ADD = """
INSERT INTO attempts (key, count, ends_at)
VALUES (%(key)s, 1, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN attempts.ends_at < now() THEN 1 ELSE attempts.count + 1 END,
    ends_at = CASE WHEN attempts.ends_at < now() THEN excluded.ends_at ELSE attempts.ends_at END
RETURNING count
"""
# In a transaction of its own: with the row that is added, two could wait for each other.
_DROP_OLD = """
DELETE FROM attempts WHERE key = ANY(ARRAY(
    SELECT key FROM attempts WHERE ends_at < now() ORDER BY ends_at LIMIT 10 FOR UPDATE SKIP LOCKED
))
"""
_COUNTED = """
SELECT key, count, extract(epoch FROM ends_at - now())::float FROM attempts
WHERE key = ANY(%s) AND ends_at >= now()
"""


class Attempts(models.Model):
    """Attributes:
    key: of what is counted and for whom, keyed with a secret: no name or address can be read.
    ends_at: when counting begins anew.
    """

    key = models.BinaryField(primary_key=True)
    count = models.IntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "attempts"

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"


def key_of(*parts: str) -> bytes:
    """
    Args:
        parts: a name of what is counted, and of whom.
    """
    return salted_hmac("attempts", "\0".join(parts), algorithm="sha256").digest()


def counted(keys: Sequence[bytes]) -> dict[bytes, tuple[int, float]]:
    """For each key that is counted at present: how often, and for how many seconds more."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [list(keys)])
        return {bytes(key): (count, seconds) for key, count, seconds in cursor.fetchall()}


def add(key: bytes, time: timedelta) -> int:
    """One more; the first begins a time of so long. Returns how many there are in it.

    Some rows go whose time is over, for nobody may ask for theirs again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DROP_OLD)
        cursor.execute(_ADD, {"key": key, "seconds": time.total_seconds()})
        return int(cursor.fetchone()[0])


def forget(keys: Sequence[bytes]) -> None:
    Attempts.objects.filter(key__in=keys).delete()
