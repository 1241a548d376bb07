"""A clone of this repository in which `make` is used as a person at a terminal does."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from devstack.part import accepts
from devstack.ports import free_ports, reserve
from devstack.processes import end_with_parent, wait_until

REPOSITORY = Path(__file__).parents[2]
# What `make test` and a person's shell may have set, and a newcomer has not.
UNSET = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONPATH", "LOG_FORMAT", "KAFKA_TOPIC"}
UNSET |= {"KAFKA_BOOTSTRAP_SERVERS", "USERS_DATABASE_URL", "NOTES_DATABASE_URL"}
LAST_ADDRESS = "  settings        make env\n"


class Checkout:
    """The last commit, with this checkout's .venv, so that nothing is installed again.

    Args:
        folder: made by the clone.
    """

    def __init__(self, folder):
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True, timeout=60)
        (folder / ".venv").symlink_to(REPOSITORY / ".venv")
        self.folder = folder
        self.port = free_port()
        self.process = None
        self._output = folder.with_name("make-run.log")

    def make(self, target, **variables):
        """Runs `make TARGET` to its end."""
        return subprocess.run(
            ["make", target],
            cwd=self.folder,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def bash(self, script, timeout=240):
        """Runs a script to its end, and then ends what it left running."""
        log = self.folder.with_name("bash.log")
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env=self._environment({}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            assert process.wait() == 0, log.read_text()

    def start(self, **variables):
        """`make run` in the foreground of a session of its own, up to the last address."""
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=self.folder,
                env=self._environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(signal.SIGTERM),  # if the tests are killed
            )
        wait_until(lambda: LAST_ADDRESS in self.output or not self.running, 240)
        assert LAST_ADDRESS in self.output, self.output

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def output(self):
        """What `make run` has written."""
        return self._output.read_text()

    def settings(self):
        """What `make env` prints."""
        shown = self.make("env")
        assert shown.returncode == 0, shown.stderr
        return dict(word.split("=", 1) for word in shlex.split(shown.stdout))

    def supervisor(self):
        """The pid of the Python process under `make run`."""
        return json.loads((self.folder / ".local" / "lock").read_text())["pid"]

    def interrupt(self):
        """Ctrl-C, as a terminal sends it: to all of the foreground. Waits for the end."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(120)

    def _environment(self, variables):
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        return {**kept, "PYTHON": sys.executable, "PORT": str(self.port), **variables}


def free_port():
    """A PORT that is free together with those behind it."""
    while True:
        gateway = free_ports(6) - 4001
        if reserve(gateway) and not accepts(gateway):
            return gateway


def refusal(ended):
    """The one line that a person gets of a command that failed, less make's own about it."""
    assert ended.returncode != 0
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("make: ")]
    return line


def process_tree(pid):
    """A process and all below it, each as its pid and the time of its start."""
    found = {pid: _stat(pid)}
    stats = {int(each.name): _stat(each.name) for each in Path("/proc").glob("[0-9]*")}
    while more := {
        child: stat
        for child, stat in stats.items()
        if stat and child not in found and stat["parent"] in found
    }:
        found |= more
    return {(each, stat["started"]) for each, stat in found.items() if stat}


def alive(processes):
    """Those that still run."""
    now = {(pid, stat["started"]) for pid, _ in processes if (stat := _stat(pid))}
    return processes & now  # A number may be another process's by now.


def _stat(pid):
    """Of proc_pid_stat(5); None for a process that has ended, its parent knowing it or not."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else {"parent": int(words[1]), "started": words[19]}
