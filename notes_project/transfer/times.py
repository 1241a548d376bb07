"""Times as exports have them."""

from __future__ import annotations

from datetime import UTC, datetime


class InvalidTime(ValueError):
    """Its text is for the person whose it is."""


def read_time(text: str | None) -> datetime | None:
    """A time of ISO 8601; without an offset it is UTC. None where there is none.

    Raises InvalidTime.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidTime(f"{text[:40]!a} is no time as 2026-11-22T09:15:02Z.") from None
