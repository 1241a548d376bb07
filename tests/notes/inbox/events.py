"""Messages as they come from the topic, for tests."""

import itertools
import json
import uuid

from inbox import apply
from inbox.messages import RawMessage

TOPIC = "user-events"
_offsets = itertools.count()


def event(event_type, user_id, version, **data):
    body = {"id": str(user_id), "version": version}
    if event_type != "user.deleted.v1":
        body |= {
            "username": "ada",
            "is_active": True,
            "tokens_valid_after": "2026-01-01T00:00:00.000001Z",
            "created_at": "2026-01-01T00:00:00.000001Z",
            "updated_at": "2026-01-01T00:00:00.000001Z",
        }
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/users",
        "type": event_type,
        "subject": str(user_id),
        "time": "2026-01-01T00:00:00.000001Z",
        "datacontenttype": "application/json",
        "data": body | data,
    }


def message(event_type, user_id, version, *, offset=None, partition=0, **data):
    value = json.dumps(event(event_type, user_id, version, **data)).encode()
    return raw(value, key=str(user_id).encode(), offset=offset, partition=partition)


def raw(value, *, key=b"key", offset=None, partition=0, headers=()):
    place = next(_offsets) if offset is None else offset
    return RawMessage(TOPIC, partition, place, key, value, headers)


def created(user_id, version=1, **more):
    return message("user.created.v1", user_id, version, **more)


def updated(user_id, version, **more):
    return message("user.updated.v1", user_id, version, **more)


def snapshot(user_id, version, **more):
    return message("user.snapshot.v1", user_id, version, **more)


def deleted(user_id, version, **more):
    return message("user.deleted.v1", user_id, version, **more)


def apply_batch(messages, known=None):
    return apply.apply_batch([apply.read(message) for message in messages], known or {})
