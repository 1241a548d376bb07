"""A part of the stack: one long-running process that can be stopped, killed and started again."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from devstack.errors import DevstackError
from devstack.processes import Children, Process, describe, wait_until


class Part:
    """Subclasses give the command and, where they can, what tells that the part is ready."""

    stop_signal: int = signal.SIGTERM

    def __init__(self, name: str, children: Children, *ports: int) -> None:
        self.name = name
        self.ports = ports
        self.process: Process | None = None
        self._children = children

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it does its job; for a part without ports, whether it runs."""
        return all(accepts(port) for port in self.ports)

    def start(self) -> None:
        """Starts the process. Raises DevstackError where a port is taken."""
        if self.running:
            return
        if self.process:
            # What it started may outlive it and hold its port, as gunicorn's workers do.
            self.process.end_session()
        self.require_free_ports()
        self.process = self._spawn()

    def require_free_ports(self) -> None:
        """Raises DevstackError where another process listens on a port of this part."""
        for port in self.ports:
            _require_free(port, self.name)

    def wait_ready(self, timeout: float = 60) -> None:
        """Raises DevstackError when the process ends or is not ready after the timeout."""

        def settled() -> bool:
            return not self.running or self.ready()

        if not wait_until(settled, timeout):
            last = self.process.last_lines() if self.process else ""
            raise DevstackError(f"{self.name} is not ready after {timeout:.0f} s:\n{last}")
        if not self.running:
            raise DevstackError(self.how_it_ended(lines=True))

    def stop(self) -> int:
        """Ends the process in order; safe to repeat. Returns its exit code, 0 if it never ran."""
        return self.process.stop() if self.process else 0

    def kill(self) -> int:
        """SIGKILL. Returns the exit code, 0 if it never ran."""
        return self.process.kill() if self.process else 0

    def how_it_ended(self, *, lines: bool = False) -> str:
        """One line on a part that does not run, with its last lines where they are asked for."""
        if not self.process:
            return f"{self.name} was not started"
        code = describe(self.process.wait())
        return f"{self.name} ended with {code}" + (
            f":\n{self.process.last_lines()}" if lines else ""
        )

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    @property
    def ended_in_order(self) -> bool:
        """Whether it ran and ended with exit code 0."""
        return self.process is not None and not self.running and self.process.wait() == 0

    def _spawn(self) -> Process:
        return self._children.start(self.name, self.command(), stop_signal=self.stop_signal)


def accepts(port: int) -> bool:
    """Whether something listens on the port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _require_free(port: int, name: str) -> None:
    with socket.socket() as probe:
        # As the servers do: a connection that is still closing does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DevstackError(
                f"Port {port} for {name} cannot be used ({error.strerror}). "
                "End what uses it, or move all ports: make run PORT=5000"
            ) from error
