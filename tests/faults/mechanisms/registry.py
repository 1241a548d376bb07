"""Which mechanism is switched off by which function, and where."""

import os
from collections import namedtuple

Mechanism = namedtuple("Mechanism", "parts switch_off")
"""``parts`` are those parts or commands in whose processes ``switch_off`` is called."""

MECHANISMS = {}


def off_in(*parts):
    """Says in which parts' or commands' processes a mechanism is switched off."""

    def register(function):
        assert function.__name__ not in MECHANISMS
        MECHANISMS[function.__name__] = Mechanism(parts, function)
        return function

    return register


def give_up(*_):
    """Ends the process at once: closing a client whose broker is away can take a minute."""
    os.write(2, b"without retries\n")
    os._exit(1)


def replaced(text, old, new):
    assert old in text, text
    return text.replace(old, new)
