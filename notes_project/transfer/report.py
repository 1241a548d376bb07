"""What became of an upload: counts, and a line for each item that was not taken as it was.

The lines wait on the disk, for there may be as many as items.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

import orjson

CREATED, COMPLETED, UNCHANGED = "created", "completed", "unchanged"
CHANGED, REFUSED, LOST = "changed", "refused", "lost"
OUTCOMES = (CREATED, COMPLETED, UNCHANGED, CHANGED, REFUSED, LOST)
_MAX_SOURCE = 1000


class Report:
    """To be closed. Args: values: what is shown before the counts."""

    def __init__(self, **values: Any) -> None:
        self.values = values
        self.counts: Counter[str] = Counter()
        self._lines = tempfile.TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()

    def add(self, outcome: str, source: str = "", reason: str = "") -> None:
        """With a reason, a line."""
        self.counts[outcome] += 1
        if reason:
            line = {"source": source[:_MAX_SOURCE], "outcome": outcome, "reason": reason}
            self._lines.write(orjson.dumps(line) + b"\n")

    def summary(self) -> dict[str, Any]:
        return {**self.values, **{name: self.counts[name] for name in OUTCOMES}}

    def lines(self) -> Iterator[dict[str, str]]:
        for line in self._raw_lines():
            yield orjson.loads(line)

    def __iter__(self) -> Iterator[bytes]:
        """The whole as one JSON object, in pieces."""
        yield orjson.dumps(self.summary())[:-1] + b',"report":['
        before = b""
        for line in self._raw_lines():
            yield before + line.rstrip()
            before = b","
        yield b"]}"

    def _raw_lines(self) -> Iterator[bytes]:
        self._lines.seek(0)
        yield from self._lines
