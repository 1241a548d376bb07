"""The stack's parts, and what a row does to their processes."""

import json
import os
import signal
from itertools import count
from pathlib import Path

from devstack import processes
from devstack.ports import Ports
from devstack.services import Service
from devstack.stack import Stack
from tests.faults.invariants import Broken, require
from tests.faults.load import PATIENCE
from tests.faults.mechanisms import MECHANISMS

CHILD = Path(__file__).with_name("child.py")
# Far more than any wait of the workers; seconds.
HEALING = 90


class Parts:
    """Args:
    folder: for the stack's data and logs.
    off: the name of a mechanism that is off for as long as this stack runs.
    stack: its class.
    """

    def __init__(self, folder, off=None, stack=Stack):
        self.stack = stack(folder, Ports.free(), durable=False)
        self.off = off
        self._without = MECHANISMS[off].parts if off else ()
        self._stopped, self._replaced, self._more, self._ended = [], {}, [], set()
        self._marks = (folder / f"mark-{number}" for number in count(1))
        for part in {"users", *self._without}:  # `child` makes the passwords of users cheap.
            if part == "stack":
                MECHANISMS[off].switch_off(self.stack)
            elif hasattr(self.stack, part):
                setattr(self.stack, part, self._variant(getattr(self.stack, part)))

    def wait(self, condition, what, timeout=HEALING):
        """For what must come by itself: what never comes is `Broken`.

        Args:
            what: begins with the name of what breaks then.
        """
        timeout *= PATIENCE
        require(_holds_within(timeout, condition), f"{what}: not within {timeout:g} s")

    def reach(self, condition, what):
        """For what a row builds on. A row that does not come so far shows nothing: no `Broken`."""
        timeout = HEALING * PATIENCE
        assert _holds_within(timeout, condition), f"{what}: not within {timeout:g} s"

    def new_lines(self, name):
        """Gives a function for what a part has written from now on."""
        log = self.stack.folder / "logs" / f"{name}.log"
        start = log.stat().st_size
        return lambda: log.read_bytes()[start:].decode(errors="replace")

    def restart(self, name, *, failpoint=None, arguments=(), environment=None, without=None):
        """Ends a service and starts it in another way, until the end of the row.

        Args:
            name: ``users``, ``notes``, ``relay`` or ``consumer``.
            failpoint: (action, when, target, call), see `tests.faults.child`.
            arguments: more of them for its program.
            environment: variables that differ.
            without: a mechanism that it has not, as in a bad release.

        Returns:
            The file that is there once the process came to the failpoint.
        """
        part, mark = getattr(self.stack, name), next(self._marks)
        if failpoint:
            failpoint = [*failpoint, str(mark)]
        variant = self._variant(part, failpoint, arguments, environment, without=without)
        part.stop()
        part.process.end_session()
        variant.start()
        wait_ready(variant)
        self._replaced.setdefault(name, part)
        setattr(self.stack, name, variant)
        return mark

    def put_back(self, name):
        """Ends what `restart` started; the part is then as before, and not started."""
        variant = getattr(self.stack, name)
        variant.stop()
        if variant.process:
            variant.process.end_session()
        setattr(self.stack, name, self._replaced.pop(name))

    def another(self, name, failpoint=None, environment=None):
        """Starts a second relay or consumer beside the first, until the end of the row."""
        part = getattr(self.stack, name)
        part = self._variant(part, failpoint, environment=environment, name=f"{name}-2")
        part.start()
        self._more.append(part)
        return part

    def wait_for_death(self, name, mark):
        """Until a process has killed itself at its failpoint, and nothing else ended it."""
        part = getattr(self.stack, name)
        self.reach(lambda: not part.running, f"{name} comes to its failpoint")
        assert mark.exists(), part.how_it_ended(lines=True)
        self._ended.add(name)

    def kill(self, name, number=signal.SIGKILL):
        """Ends a part by a signal; the end of the row starts it again."""
        part = getattr(self.stack, name)
        self._ended.add(name)
        if number == signal.SIGKILL:
            part.kill()
        else:
            os.kill(part.process.pid, number)
            part.process.wait(30)

    def ends_by_itself(self, name):
        """Waits for a part to end because of the fault; the end of the row starts it again."""
        self._ended.add(name)
        self.wait(lambda: not getattr(self.stack, name).running, f"{name} ends")

    def freeze(self, part):
        """SIGSTOP for all processes of a part; the end of the row wakes them."""
        for pid in _family(part.process.pid):
            self.freeze_process(pid)

    def freeze_process(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self._stopped.append(pid)

    def wait_for_log(self, name, text):
        """Until a part writes the text, from now on; it must go on running."""
        part, lines = getattr(self.stack, name), self.new_lines(name)
        self.reach(lambda: text in lines() or not part.running, f"{name} writes {text!r}")
        require(text in lines(), f"I6: {name} ended")

    def go_on(self):
        """SIGCONT for all that was frozen."""
        while self._stopped:
            try:
                os.kill(self._stopped.pop(), signal.SIGCONT)
            except ProcessLookupError:
                continue

    def nothing_done(self):
        """From here on `heal` undoes what was done."""
        self._replaced, self._more, self._ended = {}, [], set()

    def heal(self):
        """Ends what the row did to the processes, and starts again those that ended."""
        self.go_on()
        for part in self._more:
            part.stop()
        self._require_running()
        for name in list(self._replaced):
            self.put_back(name)
        for part in self.stack.parts:
            part.start()
        for part in self.stack.parts:
            wait_ready(part)

    def _require_running(self):
        """Nothing but the row itself ended anything."""
        for part in self.stack.parts:
            killed = part.name in self._ended
            if not part.running and not killed:
                raise Broken(f"I6: {part.how_it_ended(lines=True)}")

    def _variant(
        self, part, failpoint=None, arguments=(), environment=None, name=None, without=None
    ):
        off = [self.off] if part.name in self._without else []
        off += [without] if without else []
        program = part.arguments[2:] if part.arguments[0] == str(CHILD) else part.arguments
        return Service(
            name or part.name,
            part.project,
            *part.ports,
            children=self.stack.children,
            arguments=as_child([*program, *arguments], failpoint, off),
            environment=lambda project: part.environment(project) | (environment or {}),
        )


def wait_ready(part):
    part.wait_ready(HEALING * PATIENCE)


def as_child(program, failpoint=None, off=()):
    """The arguments of Python that run the program by `tests.faults.child`, which see."""
    return [str(CHILD), json.dumps({"failpoint": failpoint, "off": list(off)}), *program]


def _holds_within(timeout, condition):
    """Asks less often than by default: most conditions cost a new session of PostgreSQL."""
    return processes.wait_until(condition, timeout, every=0.2)


def _family(pid):
    """A process and all that it started, directly or not; each before those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]
