"""One stack for a data folder, by a file lock that every child process inherits.

flock(2): the lock belongs to the open file, so it lasts until this process and the last of its
children have ended. A later start can thus tell a stack that runs from the leftovers of a killed
one, and wait for those.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from pathlib import Path

from devstack.errors import DevstackError
from devstack.processes import wait_until


class StackLock:
    """The lock of a data folder, and what is written into it about the stack that holds it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "lock"
        self._file = self._path.open("a+")

    def acquire(self, url: str) -> int:
        """Takes the lock and returns its file descriptor, for the children.

        Args:
            url: where the stack answers, for those who find the lock taken.

        Raises:
            DevstackError: when a stack runs in this folder.
        """
        if not self._try():
            if owner := self.owner():
                pid, running_url = owner
                raise DevstackError(
                    f"A stack is running here already (pid {pid}, {running_url}). "
                    "Stop it with: make stop"
                )
            self._wait_for_leftovers()
        self._file.truncate(0)
        json.dump({"pid": os.getpid(), "url": url}, self._file)
        self._file.flush()
        return self._file.fileno()

    def release(self) -> None:
        """Closes the file; without a child left, this frees the lock."""
        self._file.close()

    def owner(self) -> tuple[int, str] | None:
        """The pid and the URL of the stack that runs in this folder."""
        try:
            state = json.loads(self._path.read_text())
        except ValueError:
            return None
        return (state["pid"], state["url"]) if state["pid"] in self._holders() else None

    def wait_until_free(self, timeout: float) -> bool:
        """False where a stack still holds the lock after the timeout in seconds."""
        return wait_until(self._try, timeout)

    def _wait_for_leftovers(self) -> None:
        """A killed stack's parts end by themselves; what hangs is killed."""
        if self.wait_until_free(15):
            return
        for pid in self._holders():
            os.kill(pid, signal.SIGKILL)
        if not self.wait_until_free(5):
            raise DevstackError(
                f"Another user's stack holds {self._path}: ask that user to stop it."
            )

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holders(self) -> set[int]:
        """The processes, apart from this one, that have the lock file open."""
        found = set()
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if link.readlink() == self._path.resolve():
                    found.add(int(link.parts[2]))
            except OSError:  # it ended, or is another user's
                continue
        return found - {os.getpid()}
