"""Users with their digests, which both projects must compute alike. The digests are fixed."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MOMENT = datetime(2026, 11, 22, 9, 15, 2, 123456, tzinfo=UTC)
ADA = {
    "id": UUID("7e264d60-d84f-4a5c-8f49-c43e3d8aa401"),
    "version": 1,
    "username": "ada",
    "is_active": True,
    "tokens_valid_after": MOMENT,
    "created_at": MOMENT,
}
FIRST = ADA | {"id": UUID(int=0), "version": 2**63 - 1, "username": "Ünïcode ✓ 漢字"}
LAST = ADA | {"id": UUID(int=2**128 - 1), "created_at": datetime(1970, 1, 1, tzinfo=UTC)}
USERS = [(ADA, 626900865650861639), (FIRST, 7378449765845222871), (LAST, -1495497169593929330)]
# Each differs from ADA in one member.
CHANGES = [
    {"id": UUID("7e264d60-d84f-4a5c-8f49-c43e3d8aa402")},
    {"version": 2},
    {"username": "adá"},
    {"is_active": False},
    {"tokens_valid_after": MOMENT + timedelta(microseconds=1)},
    {"created_at": MOMENT - timedelta(microseconds=1)},
]


def digest(user):
    """As `outbox/digests.py` and `inbox/digests.py` describe it."""
    times = [
        (user[name] - POSTGRES_EPOCH) // timedelta(microseconds=1)
        for name in ("tokens_valid_after", "created_at")
    ]
    fixed = struct.pack("!16sq?qq", user["id"].bytes, user["version"], user["is_active"], *times)
    whole = hashlib.sha256(fixed + user["username"].encode()).digest()
    return int.from_bytes(whole[:8], signed=True)
