"""What every benchmark is made of: two sides measured in turn, and the ratio of what they gave.

A machine may be shared, so no figure in seconds counts, only a ratio of two that were taken in one
run, with its spread. CPU time stands beside it: it is steady where the wall clock swings.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Sample:
    """One measurement of one side.

    Args:
        value: in the unit of the benchmark.
        cpu: seconds of all processes that had a part in it, for the same work on both sides; None
            where CPU time says nothing.
    """

    value: float
    cpu: float | None = None


@dataclass(frozen=True)
class Run:
    """How much a benchmark is to do.

    Args:
        small: only so much that each line is executed.
        folder: a temporary one.
    """

    small: bool
    folder: Path

    @property
    def rounds(self) -> int:
        return 1 if self.small else 5

    def size(self, full: int, small: int) -> int:
        return small if self.small else full


@dataclass
class Ratio:
    """The measurements of two sides, round by round.

    Args:
        target: the ratio is to be ``at_most`` or at least this; None: for information.
        unit: of the sides' values.
    """

    benchmark: str
    what: str
    unit: str
    target: float | None = None
    at_most: bool = False
    rounds: list[tuple[Sample, Sample]] = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        return [left.value / right.value for left, right in self.rounds]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def cpu(self) -> float | None:
        """The median ratio of the CPU times."""
        pairs = [(left.cpu, right.cpu) for left, right in self.rounds]
        return statistics.median(a / b for a, b in pairs if a and b) if all(pairs[0]) else None

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target

    def sides(self) -> tuple[float, float]:
        """The median value of each."""
        lefts, rights = zip(*self.rounds, strict=True)
        return statistics.median(s.value for s in lefts), statistics.median(s.value for s in rights)

    def as_json(self) -> dict:
        median, spread = round(self.median, 4), [min(self.values), max(self.values)]
        spread = [round(value, 4) for value in spread]
        return asdict(self) | {"median": median, "spread": spread, "cpu": self.cpu, "met": self.met}


def in_turn(rounds: int, **sides: Callable[[], Sample]) -> list[dict[str, Sample]]:
    """Measures each side once a round; every other round goes backwards, for what grows warm."""
    measured = []
    names = list(sides)
    for number in range(rounds):
        _progress(f"round {number + 1} of {rounds}")
        measured.append({name: sides[name]() for name in names})
        names.reverse()
    return measured


def pairs(measured: Iterable[dict[str, Sample]], left: str, right: str) -> list:
    return [(samples[left], samples[right]) for samples in measured]


def cpu_seconds(*roots: int) -> float:
    """CPU time of processes and of all their descendants so far, those that ended included."""
    parents, spent = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            numbers = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It ended meanwhile.
        pid = int(folder.name)
        parents[pid] = int(numbers[1])
        # utime, stime and the same of children that were waited for; proc_pid_stat(5)
        spent[pid] = sum(map(int, numbers[11:15])) / _TICKS
    return sum(time for pid, time in spent.items() if set(roots) & set(_line(pid, parents)))


def memory(pid: int, name: str = "VmRSS") -> int:
    """Bytes, by a line of proc_pid_status(5): VmRSS, VmHWM (its highest) or others."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(name)


@contextmanager
def timed(*roots: int) -> Iterator[Callable[[], tuple[float, float]]]:
    """Gives a function that says, after the block, how long it took: wall and CPU seconds."""
    cpu, start = cpu_seconds(*roots), time.perf_counter()
    taken: list[float] = []
    yield lambda: (taken[0], taken[1])
    taken += [time.perf_counter() - start, cpu_seconds(*roots) - cpu]


def _line(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid in parents:
        yield pid
        pid = parents[pid]


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}\r")
        sys.stderr.flush()
