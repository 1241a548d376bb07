"""Types of the numbers that commands take."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Number = TypeVar("Number", int, float)


def between(least: Number, most: Number) -> Callable[[str], Number]:
    """Reads a number of the limits' own type, and says which ones are taken where it is none."""
    kind = type(least)

    def read(text: str) -> Number:
        with suppress(ValueError):
            if least <= (number := kind(text)) <= most:
                return number
        whole = "whole number" if kind is int else "number"
        raise ArgumentTypeError(f"{text} is no {whole} from {least} to {most}.")

    return read


SECONDS = between(0.0, 1e6)
# Seconds between two rounds: none would be a loop without rest.
PAUSE = between(0.1, 1e6)
