"""What a person sees: steps, progress and the logs of all parts."""

from __future__ import annotations

import os
import sys
import threading
import time

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95)
_WIDTH = 10


class Console:
    """Writes whole lines, from any thread; colours on a terminal unless NO_COLOR is set."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._terminal = sys.stdout.isatty()
        self._coloured = self._terminal and not os.environ.get("NO_COLOR")

    def say(self, text: str = "") -> None:
        self._write(text + "\n")

    def step(self, text: str) -> None:
        """A line with the seconds since the start before it."""
        self.say(f"{time.monotonic() - self._started:5.1f} s  {text}")

    def progress(self, text: str, *, last: bool) -> None:
        """A line that the next one replaces; where there is no terminal, the last one alone."""
        if self._terminal:
            self._write(f"\r{text}" + ("\n" if last else ""))
        elif last:
            self.say(text)

    def log(self, name: str, line: str) -> None:
        """A line of a part's log, after its name in its colour."""
        prefix = f"{name[:_WIDTH]:<{_WIDTH}} | "
        if self._coloured:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.say(prefix + line)

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except OSError:  # nobody reads any more: the stack goes on
                self._terminal = False
