"""The rows of the fault matrix, each on a running system under load.

``FAULT_SEED=N`` repeats a run's random choices, ``FAULT_PATIENCE=4`` makes all waits that much
longer. With ``--mechanisms-off`` each row runs without the
mechanism that its mark ``covers`` names, and passes where the invariant breaks that it names too.
"""

import os
import random
from itertools import count

import pytest

from devstack.stack import Stack
from tests.faults.invariants import Broken
from tests.faults.load import PATIENCE
from tests.faults.system import System

SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6))


def pytest_addoption(parser):
    parser.addoption(
        "--mechanisms-off",
        action="store_true",
        help="switch off what each row covers, and demand that an invariant breaks",
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "covers(text, off, breaks): the mechanism, its name in mechanisms, and the invariant that"
        " breaks without it, as a line of `Broken` begins",
    )
    config.addinivalue_line("markers", "on(stack): the stack of `stacks` that the row runs on")
    config.addinivalue_line("markers", "short: a row of the short form")


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(300 * PATIENCE))


def pytest_report_header():
    return f"FAULT_SEED={SEED}"


@pytest.fixture(scope="session")
def systems(tmp_path_factory):
    """Keeps one system for the rows that it survives."""
    with Systems(tmp_path_factory.mktemp("faults")) as systems:
        yield systems


@pytest.fixture
def system(request, systems):
    """The running system. A row that fails leaves the next one a new system."""
    off = _off(request.node) if request.config.getoption("mechanisms_off") else None
    mark = request.node.get_closest_marker("on")
    return systems.get(off, mark.kwargs["stack"] if mark else Stack)


@pytest.fixture
def rng(request):
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    if not pyfuncitem.config.getoption("mechanisms_off"):
        return (yield)
    mark = pyfuncitem.get_closest_marker("covers").kwargs
    off, breaks = mark["off"], mark["breaks"]
    try:
        yield
    except Broken as error:
        named = [line for line in str(error).splitlines() if line.startswith(breaks)]
        if not named:
            raise AssertionError(f"without {off} it is not {breaks!r} that breaks") from error
        pyfuncitem.user_properties.append(("broken", f"without {off}: {named[0]}"))
        return True
    raise AssertionError(f"the row holds without {off}: it cannot fail")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    systems = item.funcargs.get("systems") if hasattr(item, "funcargs") else None
    system = systems and systems.current
    if report.when == "call" and system and (report.failed or system.off):
        systems.used_up = True
    if report.failed and system:
        report.sections += [
            ("repeat", f"FAULT_SEED={SEED}"),
            ("load", system.load.summary() if system.load else "none"),
            ("logs", f"in full: {system.stack.folder / 'logs'}"),
        ]
        for part in system.stack.parts:
            if part.process:
                report.sections.append((f"last lines of {part.name}", part.process.last_lines()))
    return report


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "broken" and report.when == "call":
                terminalreporter.line(f"{report.nodeid.rpartition('::')[2]}: {value}")


def _off(item):
    return item.get_closest_marker("covers").kwargs["off"]


class Systems:
    """One system at a time, replaced where it is used up."""

    def __init__(self, folder):
        self._folders = (folder / f"system-{number}" for number in count(1))
        self.current = None
        self.used_up = False

    def get(self, off, stack):
        fits = self.current and (self.current.off, type(self.current.stack)) == (off, stack)
        if self.current and (self.used_up or not fits):
            self._end()
        if not self.current:
            system = System(next(self._folders), off, stack)
            self.current = system.__enter__()
        return self.current

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def _end(self):
        if self.current:
            system, self.current, self.used_up = self.current, None, False
            system.__exit__(None, None, None)
