"""Bytes from Kafka in, what they say of a user out. No broker and no database in here.

The contract is in ``docs/events``. What readers set aside says nothing, and what they take counts:
this is as strict as they are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

DELETED, SNAPSHOT = "user.deleted.v1", "user.snapshot.v1"
_STATES = ("user.created.v1", "user.updated.v1", SNAPSHOT)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# As in the triggers on users: a user who has it keeps it, and changes on by snapshots.
LAST_VERSION = 2**53 - 1

# Key and value.
Message = tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class UserEvent:
    """``data`` is JSON that PostgreSQL takes as jsonb."""

    user_id: UUID
    type: str
    version: int
    data: str


def parse(key: bytes | None, value: bytes | None) -> UserEvent | None:
    """Reads a message; gives None where it breaks the contract, or has a type not known here."""
    if value is None:
        return None
    try:
        orjson.loads(value)  # It refuses what json takes: half a surrogate pair, NaN, UTF-16.
        return _event(key, json.loads(value, object_pairs_hook=_each_once))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _event(key: bytes | None, event: Any) -> UserEvent:
    user_id, data = UUID(event["subject"]), event["data"]
    version, text = data["version"], json.dumps(data, ensure_ascii=False)
    keeps_the_contract = (
        event["specversion"] == "1.0"
        and _is_text(event["id"])
        and _is_text(event["source"])
        and _is_moment(event["time"])
        and key == str(user_id).encode()
        and UUID(data["id"]) == user_id
        and type(version) is int
        and 0 < version <= LAST_VERSION
        and (event["type"] == DELETED or (event["type"] in _STATES and _is_state(data)))
        and "\\u0000" not in text.replace("\\\\", "")  # jsonb has no NUL.
    )
    if not keeps_the_contract:
        raise ValueError
    return UserEvent(user_id, event["type"], version, text)


def _is_state(data: dict[str, Any]) -> bool:
    return (
        _is_text(data["username"], 100)
        and type(data["is_active"]) is bool
        and _is_moment(data["tokens_valid_after"])
        and _is_moment(data["created_at"])
    )


def _is_text(value: object, longest: int = 255) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and "\0" not in value


def _is_moment(value: str) -> bool:
    """RFC 3339, 5.6, and also in UTC in a year from 1 to 9999. Raises ValueError, OverflowError."""
    if _MOMENT.fullmatch(value) is None:
        return False
    datetime.fromisoformat(value.upper()).astimezone(UTC)
    return True


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two members of one name they take (RFC 8259, 4)."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError
    return found
