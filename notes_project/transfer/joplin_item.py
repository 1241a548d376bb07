"""One file of Joplin's JEX and RAW exports: what its `BaseItem.serialize` writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from transfer.times import InvalidTime, read_time

# Revisions, keys and what else a profile may have are no notes.
NOTE, FOLDER, RESOURCE, TAG, NOTE_TAG = "1", "2", "4", "5", "6"
_ID = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Raw:
    """A file as Joplin writes it: title, text, and `name: value` lines at the end."""

    title: str
    body: str
    values: dict[str, str]

    @property
    def kind(self) -> str:
        return self.values["type_"]

    def id(self, name: str = "id") -> str:
        return self.values.get(name, "").lower()

    def is_set(self, name: str) -> bool:
        """Of a flag, and of a time in milliseconds."""
        return self.values.get(name, "") not in ("", "0")

    def time(self, *names: str) -> datetime | None:
        """The first of these that is a time."""
        for name in names:
            try:
                time = read_time(self.values.get(name))
            except InvalidTime:
                continue
            if time:
                return time
        return None

    def milliseconds(self, name: str) -> str:
        """A time that is a number, as it is written for people; what is none as it stands."""
        value = self.values.get(name, "") if self.is_set(name) else ""
        if not value.isdecimal() or len(value) > 14:
            return value
        return f"{datetime.fromtimestamp(int(value) / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def parse(text: str) -> Raw | None:
    """None where it is none."""
    head, blank, end = text.rstrip().rpartition("\n\n")
    if not blank:
        head, end = "", end.lstrip("\n")
    values = {}
    for line in end.split("\n"):
        name, colon, value = line.partition(":")
        if not colon:
            return None
        values[name.strip()] = value.strip()
    if not values.get("type_", "").isdigit() or not _ID.fullmatch(values.get("id", "")):
        return None
    title, _, body = head.partition("\n")
    return Raw(title, body.removeprefix("\n"), values)
