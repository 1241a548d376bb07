"""SIGTERM and SIGINT as a question that a loop asks between its steps."""

from __future__ import annotations

import signal
from typing import Any


class StopRequest:
    """False until SIGTERM or SIGINT comes. Not an Event: its lock could be held by the waiter."""

    def __init__(self) -> None:
        self._requested = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request)

    def __call__(self) -> bool:
        return self._requested

    def _request(self, *_: Any) -> None:
        self._requested = True
