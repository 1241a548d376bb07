"""Words for people."""

from __future__ import annotations


def counted(count: int, unit: str) -> str:
    """As in ``1 user`` and ``2 users``."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
