"""Bytes from Kafka in, a user event out. No broker and no database in here.

The contract is in ``docs/events``; a message is a CloudEvents 1.0 event in structured JSON mode.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import jiter
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from users.gate import LAST_VERSION, UserState


class InvalidMessage(Exception):
    """The message can never be applied as it is; the text says why, without its content."""


class Kind(Enum):
    STATE = "state"
    SNAPSHOT = "snapshot"
    DELETION = "deletion"
    IGNORED = "ignored"


class RawMessage(NamedTuple):
    """A message as Kafka gave it; ``key`` and ``value`` may be None, header values too."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class UserEvent(NamedTuple):
    """A parsed message: a deletion has no ``state``, an ignored type ``version`` 0."""

    event_id: str
    type: str
    time: datetime
    kind: Kind
    user_id: UUID
    version: int
    state: UserState | None = None


Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


# RFC 3339, 5.6; pydantic's own datetime also takes "1", for a second after 1970.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _read_moment(value: object) -> datetime:
    """In UTC; what is in the year 0 or 10000 there, Python could not read from PostgreSQL."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("no date-time of RFC 3339")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the year is none in UTC") from error


Moment = Annotated[datetime, BeforeValidator(_read_moment)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Deleted(_Strict):
    id: UUID
    version: Annotated[int, Field(ge=1, le=LAST_VERSION)]


class _User(_Deleted):
    username: Annotated[Text, StringConstraints(max_length=100)]
    is_active: bool
    tokens_valid_after: Moment
    created_at: Moment


class _Envelope(_Strict):
    specversion: Literal["1.0"]
    id: Text
    source: Text
    type: Text
    subject: UUID
    time: Moment


class _UserEnvelope(_Envelope):
    type: Literal["user.created.v1", "user.updated.v1", "user.snapshot.v1"]
    data: _User


class _DeletedEnvelope(_Envelope):
    type: Literal["user.deleted.v1"]
    data: _Deleted


TYPES = frozenset(("user.created.v1", "user.updated.v1", "user.snapshot.v1", "user.deleted.v1"))

_ENVELOPES: TypeAdapter[_UserEnvelope | _DeletedEnvelope] = TypeAdapter(
    Annotated[_UserEnvelope | _DeletedEnvelope, Field(discriminator="type")]
)


def parse(message: RawMessage) -> UserEvent:
    """Reads a message.

    Raises:
        InvalidMessage: it breaks the contract, or its major version is unknown.
    """
    if message.value is None:
        raise InvalidMessage("the value is null")
    try:
        event = _parse_known(message.value)
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] != "union_tag_invalid":
            raise InvalidMessage(_reason(error)) from error
        event = _parse_other(message.value)
    if message.key != str(event.user_id).encode():
        raise InvalidMessage("the key is not the subject")
    _require_each_once(message.value)
    return event


def _require_each_once(value: bytes) -> None:
    """Readers differ in which of two members of one name they take (RFC 8259, 4)."""
    try:
        jiter.from_json(value, catch_duplicate_keys=True)
    except ValueError as error:
        raise InvalidMessage("a member stands twice") from error


def supersedes(later: UserEvent, earlier: UserEvent) -> bool:
    """Whether the later one of two events of a user is the last word.

    A deletion is final, then the version counts. Of one version the first state stays, and a
    snapshot, which repairs, takes the place of whatever came before it.
    """
    ranks = [(event.kind is Kind.DELETION, event.version) for event in (later, earlier)]
    return ranks[0] > ranks[1] or (ranks[0] == ranks[1] and later.kind is Kind.SNAPSHOT)


def _parse_known(value: bytes) -> UserEvent:
    envelope = _ENVELOPES.validate_json(value)
    data = envelope.data
    if data.id != envelope.subject:
        raise InvalidMessage("data.id is not the subject")
    if not isinstance(data, _User):
        return _event(envelope, Kind.DELETION, data.version)
    kind = Kind.SNAPSHOT if envelope.type == "user.snapshot.v1" else Kind.STATE
    state = UserState(
        data.id,
        data.version,
        data.username,
        data.is_active,
        data.tokens_valid_after,
        data.created_at,
    )
    return _event(envelope, kind, data.version, state)


def _parse_other(value: bytes) -> UserEvent:
    """A type that this service does not use, of the family and major version that it knows."""
    try:
        envelope = _Envelope.model_validate_json(value)
    except ValidationError as error:
        raise InvalidMessage(_reason(error)) from error
    if not envelope.type.startswith("user."):
        raise InvalidMessage("the type is not of the family user.*")
    if not envelope.type.endswith(".v1"):
        raise InvalidMessage("the major version of the type is unknown")
    return _event(envelope, Kind.IGNORED, 0)


def _event(
    envelope: _Envelope, kind: Kind, version: int, state: UserState | None = None
) -> UserEvent:
    return UserEvent(
        envelope.id, envelope.type, envelope.time, kind, envelope.subject, version, state
    )


def _reason(error: ValidationError) -> str:
    """The first error, by place and kind; never the input, which may be personal."""
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return "the value is not JSON"
    place = ".".join(str(part) for part in first["loc"] if part not in TYPES)
    return f"{place or 'the value'}: {first['type']}"
