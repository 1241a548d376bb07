"""Child processes that end with the process that started them, also when that one is killed.

Linux only: prctl(2), PR_SET_PDEATHSIG. The kernel sends that signal when the *thread* that forked
ends, so one thread, which lives as long as this process, starts every child.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from devstack.errors import DevstackError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_forking_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="devstack-fork")

Echo = Callable[[str, str], None]


class Children:
    """Starts the processes of one stack.

    Args:
        log_folder: gets ``NAME.log`` with everything that the process NAME writes.
        lock: a file descriptor that every child inherits, see `devstack.lock`.
    """

    def __init__(self, log_folder: Path, lock: int | None = None) -> None:
        log_folder.mkdir(parents=True, exist_ok=True)
        self._log_folder = log_folder
        self._lock = lock
        self._closed = False
        self._running: set[Process] = set()
        self.echo: Echo | None = None
        """Called with the name and each line that a process writes."""

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path | None = None,
        env: dict[str, str] | None = None,
        stop_signal: int = signal.SIGTERM,
    ) -> Process:
        """Starts a process in a session of its own, out of reach of the terminal's Ctrl-C.

        Args:
            stop_signal: ends it in order; also sent when this process dies.
        """

        def follow_parent() -> None:
            end_with_parent(stop_signal)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

        def fork() -> subprocess.Popen[str]:
            if self._closed:
                raise DevstackError("The stack is being stopped.")
            return subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                pass_fds=() if self._lock is None else (self._lock,),
                preexec_fn=follow_parent,
            )

        parent = os.getpid()
        try:
            popen = _forking_thread.submit(fork).result()
        except (OSError, subprocess.SubprocessError) as error:
            raise DevstackError(f"{name} cannot be started: {error}") from error
        log = (self._log_folder / f"{name}.log").open("a")
        process = Process(name, popen, stop_signal)
        self._running.add(process)
        threading.Thread(target=self._follow, args=(process, log), daemon=True).start()
        return process

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        """Runs a command to its end. Raises DevstackError with its last lines when it fails."""
        process = self.start(name, command, folder=folder, env=env)
        if code := process.wait():
            raise DevstackError(f"{name} ended with {describe(code)}:\n{process.last_lines()}")

    def close(self) -> None:
        """Starts nothing more and ends what still runs, all at once."""
        self._closed = True
        running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            process.stop()

    def _follow(self, process: Process, log: IO[str]) -> None:
        with log, process.popen:
            for line in process.popen.stdout or ():
                log.write(line)
                log.flush()
                process.tail.append(line.rstrip("\n"))
                if self.echo:
                    self.echo(process.name, line.rstrip("\n"))
        process.wait()
        process.output_ended.set()
        self._running.discard(process)


class Process:
    """A running child."""

    def __init__(self, name: str, popen: subprocess.Popen[str], stop_signal: int) -> None:
        self.name = name
        self.popen = popen
        self.tail: deque[str] = deque(maxlen=15)
        self.output_ended = threading.Event()
        self._stop_signal = stop_signal

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal. Raises subprocess.TimeoutExpired."""
        return self.popen.wait(timeout)

    def terminate(self) -> None:
        """Asks it to end in order, and does not wait."""
        if self.running:
            self.popen.send_signal(self._stop_signal)

    def stop(self, timeout: float = 30) -> int:
        """Ends it in order, or by SIGKILL after the timeout in seconds. Returns the exit code."""
        self.terminate()
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL for it and for all of its session. Returns the exit code."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def end_session(self) -> None:
        """SIGKILL for what is left of its session, after its own end; waits until it is gone."""
        wait_until(self._session_ended, 5)

    def _session_ended(self) -> bool:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        return False

    def last_lines(self) -> str:
        """The end of its output; of a process that has ended, the very end."""
        if not self.running:
            self.output_ended.wait(5)
        return "\n".join(f"  {line}" for line in self.tail) or "  (it wrote nothing)"


def end_with_parent(number: int) -> None:
    """Has the kernel send this process the signal when its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)


def describe(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def wait_until(condition: Callable[[], bool], timeout: float, *, every: float = 0.05) -> bool:
    """Asks until the condition holds. False after the timeout; both times are in seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
