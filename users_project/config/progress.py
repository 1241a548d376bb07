"""How far long work has come: one line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Self, TextIO

# Seconds between two lines.
ON_TERMINAL, ELSEWHERE = 0.25, 10.0


class Progress:
    """Writes what is done, how fast, and how long the rest takes where that is known.

    Args:
        unit: what is counted, in the plural.
        stream: standard error by default, so that standard output stays the result's.
    """

    def __init__(
        self,
        unit: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unit = unit
        self._stream = stream or sys.stderr
        self.on_terminal = self._stream.isatty()
        self._clock = clock
        # The rate is that of the last lines, so it follows what changes.
        self._shown = deque([(clock(), 0)], maxlen=20)

    def show(self, done: int, left: int | None = None) -> None:
        """To be called as often as is handy; most calls write nothing."""
        now, (last, _) = self._clock(), self._shown[-1]
        if now - last < (ON_TERMINAL if self.on_terminal else ELSEWHERE):
            return
        self._shown.append((now, done))
        (since, before), *_ = self._shown
        rate = (done - before) / (now - since)
        line = f"{done} {self._unit}, {rate:.0f}/s"
        if left is not None:
            line += f", {left} left" + (f", {left / rate:.0f} s" if left and rate else "")
        self._stream.write(f"\r\033[K{line}" if self.on_terminal else f"{line}\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.on_terminal and len(self._shown) > 1:
            self._stream.write("\n")
