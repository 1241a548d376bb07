"""The ports, all from one number, so that they move together."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

from devstack.errors import DevstackError

# Below Linux's range for outgoing connections: one of those could take a port between its choice
# and its use, and a client that tries a stopped server there can connect to itself.
_FIRST_FREE, _LAST_FREE = 10_016, 32_000
_BLOCK = 32
_reserved: list[socket.socket] = []


@dataclass(frozen=True)
class Ports:
    """The gateway's port and six in a row for the parts behind it."""

    gateway: int
    first: int

    @classmethod
    def behind(cls, gateway: int) -> Ports:
        """4000 gives 8001 and those after it. Raises DevstackError beyond the last port."""
        if not 1 <= gateway <= 61_000:
            raise DevstackError("PORT must be a number from 1 to 61000, for example PORT=4000.")
        return cls(gateway, gateway + 4001)

    @classmethod
    def free(cls) -> Ports:
        """Ports on which nothing listens, for tests."""
        first = free_ports(7)
        return cls(first, first + 1)

    @property
    def gateway_url(self) -> str:
        return f"http://localhost:{self.gateway}"

    @property
    def users(self) -> int:
        return self.first

    @property
    def notes(self) -> int:
        return self.first + 1

    @property
    def users_db(self) -> int:
        return self.first + 2

    @property
    def notes_db(self) -> int:
        return self.first + 3

    @property
    def kafka(self) -> int:
        return self.first + 4

    @property
    def kafka_controller(self) -> int:
        return self.first + 5


def free_ports(count: int = 1) -> int:
    """The first of so many ports in a row, 32 at most, on which nothing listens on loopback.

    They are this process's until it ends, also while what listened there is stopped.
    """
    while True:
        first = random.randrange(_FIRST_FREE, _LAST_FREE, _BLOCK)  # noqa: S311 - not a secret
        if reserve(first) and all(_is_free(port) for port in range(first, first + count)):
            return first


def reserve(port: int) -> bool:
    """Keeps the ports around this one from other processes. False where one of them has them.

    By a name that ends with the process: that of a socket outside of the file system.
    """
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0devstack-ports-{port // _BLOCK}")
    except OSError:
        name.close()
        return False
    _reserved.append(name)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
