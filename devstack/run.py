"""`make run`: the whole stack in the foreground, until Ctrl-C.

A web server, the relay, the consumer or the comparison that crashes is started again, after a
second at first and twice as long each time up to 30 s: they lose nothing by a crash. One that ends
with exit code 0 was asked to stop, and stays stopped. When a database, Kafka or the gateway ends,
everything is stopped and the exit code is 1: they are the machine's trouble, or the data's, and a
restart would hide it.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import time
from pathlib import Path

from devstack import admin, demo, jars
from devstack.console import Console
from devstack.errors import DevstackError
from devstack.external import KAFKA
from devstack.part import Part
from devstack.ports import Ports
from devstack.processes import end_with_parent
from devstack.services import Service
from devstack.stack import Stack

_NEEDED = 500
"""MB for new data of both databases and Kafka."""
_LONGEST_PAUSE = 30
_STEADY = 60
"""Seconds after which a part that ends is again started without a long pause."""


def run(folder: Path) -> None:
    """Returns after Ctrl-C, SIGTERM or SIGHUP. Raises DevstackError for what a person must mend."""
    end_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _interrupt)
    console = Console()
    stack = None
    try:
        _require_room(folder)
        stack = Stack(folder, _ports(), servers=os.environ, report=console.step)
        console.say("Starting the stack; Ctrl-C stops it.")
        if not os.environ.get(KAFKA):
            jars.fetch(progress=lambda done, total: _show_fetch(console, done, total))
        stack.start()
        _walk(console, stack)
        _show_addresses(console, stack)
        stack.children.echo = console.log
        _supervise(console, stack)
    except KeyboardInterrupt:
        console.say("\nStopping; Ctrl-C again kills what is left.")
    finally:
        if stack:
            _stop(console, stack)


def _require_room(folder: Path) -> None:
    """Before PostgreSQL and Kafka say the same in a page of their own words."""
    folder.mkdir(mode=0o700, exist_ok=True)
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < _NEEDED:
        raise DevstackError(f"{folder} has {free} MB free, {_NEEDED} are needed. Make room.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _ports() -> Ports:
    port = os.environ.get("PORT") or "4000"
    return Ports.behind(int(port) if port.isdecimal() else 0)


def _stop(console: Console, stack: Stack) -> None:
    try:
        stack.stop()
    except KeyboardInterrupt:
        for part in stack.parts:
            part.kill()
        stack.close()
        console.say("Killed.")


def _walk(console: Console, stack: Stack) -> None:
    """A walk that fails does not end the stack: it is needed to find out why."""
    console.say("\nA demo user's way through the system:")
    try:
        demo.walk(stack.environment(), lambda line: console.say(f"  {line}"))
    except DevstackError as error:
        console.say(f"  This failed: {error}\n  Repeat it with: make demo")


def _supervise(console: Console, stack: Stack) -> None:
    restarts: dict[Part, _Restart] = {each: _Restart(each, console) for each in stack.services}
    while True:
        for part in stack.parts:
            if part.running:
                continue
            if restart := restarts.get(part):
                restart.attempt()
            else:
                raise DevstackError(f"All is stopped: {part.how_it_ended(lines=True)}")
        time.sleep(0.25)


class _Restart:
    """Starts one part again where it crashed, with a growing pause before each attempt."""

    def __init__(self, part: Service, console: Console) -> None:
        self._part = part
        self._console = console
        self._pause = 1
        self._due: float | None = None
        self._started = time.monotonic()

    def attempt(self) -> None:
        """To be called again and again while the part is down."""
        now = time.monotonic()
        if self._due is None:
            self._announce(now)
        elif now >= self._due:
            self._start(now)

    def _announce(self, now: float) -> None:
        if now - self._started > _STEADY:
            self._pause = 1
        ended = self._part.how_it_ended()
        if self._part.ended_in_order:
            stays = f"{ended} and stays stopped. To run it again: {self._part.by_hand}"
            self._console.log(self._part.name, stays)
            self._due = math.inf
            return
        self._console.log(self._part.name, f"{ended}; it starts again in {self._pause} s")
        self._due = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _start(self, now: float) -> None:
        try:
            self._part.start()
        except DevstackError as error:
            self._console.log(self._part.name, str(error))
        self._started, self._due = now, None


def _show_fetch(console: Console, done: int, total: int) -> None:
    console.progress(f"Fetching Apache Kafka: {done} of {total} jars", last=done == total)


def _show_addresses(console: Console, stack: Stack) -> None:
    url = stack.gateway_url
    file = admin.password_file(stack.folder)
    password = f"password in {file}" if file.exists() else "password not known here"
    console.say(f"""
  front page      {url}/
  browsable API   {url}/api/v1/users/  {url}/api/v1/notes/
  documentation   {url}/api/v1/docs/users/  {url}/api/v1/docs/notes/
  admin           {url}/admin/users/  {url}/admin/notes/
                  user {admin.USERNAME}, {password}
  settings        make env
""")
