"""``make bench``: runs the benchmarks, prints one table, writes it as JSON and as a picture."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from devstack.errors import DevstackError
from tests.benchmarks import report, servers

# Each is a module with a function run(Run), which gives Ratios, and raises where answers differ.
BENCHMARKS = {
    "P1": "p01_list",
    "P2": "p02_get",
    "P3": "p03_create",
    "P4": "p04_plain_drf",
    "P5": "p05_depth",
    "P6": "p06_search",
    "P7": "p07_registration",
    "P8": "p08_relay",
    "P9": "p09_consumer",
    "P10": "p10_peer",
    "P11": "p11_delay",
    "P13": "p13_logins",
    "P14": "p14_memory",
    "S1": "s1_users",
    "S2": "s2_notes",
}
NEED_THE_PEER = {"P1", "P2", "P3", "P10"}
RESULTS = Path("docs/benchmarks")


class BenchmarkFailed(Exception):
    """The text says which, and where its output is."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="P7 or others; all by default")
    parser.add_argument("--small", action="store_true", help="execute everything, measure nothing")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"a folder; {RESULTS}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        sys.exit(f"No benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    names = arguments.names or _possible()
    if NEED_THE_PEER & set(names) and not os.environ.get("PEER"):
        needing = ", ".join(sorted(NEED_THE_PEER & set(names)))
        sys.exit(f"For {needing} give PEER=FOLDER, see docs/benchmarks/README.md.")
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    try:
        report.print_head()
        for results in measure(names, folder, small=arguments.small):
            for result in results:
                report.print_line(result)
            report.write(arguments.output, results)
    except (DevstackError, BenchmarkFailed) as error:
        sys.exit(str(error))
    shutil.rmtree(folder)


def _possible() -> list[str]:
    if os.environ.get("PEER"):
        return [*BENCHMARKS]
    print(f"Without PEER, so without {', '.join(sorted(NEED_THE_PEER))}.")
    return [name for name in BENCHMARKS if name not in NEED_THE_PEER]


def measure(names: Iterable[str], folder: Path, *, small: bool) -> Iterator[list[dict]]:
    """The results of each benchmark, as soon as they are known.

    Each benchmark has a process of its own: a process can be one of the two Django projects alone.
    """
    with servers.running(folder, durable=not small) as settings:
        for name in names:
            output, log = folder / f"{name}.json", folder / f"{name}.log"
            command = [sys.executable, "-m", "tests.benchmarks.one", BENCHMARKS[name], str(output)]
            command += ["small"] if small else []
            with log.open("w") as stdout:
                code = subprocess.run(
                    command, env=os.environ | settings, stdout=stdout, check=False
                ).returncode
            if code:
                raise BenchmarkFailed(f"{name} failed; what it wrote is in {log}")
            yield json.loads(output.read_text())


if __name__ == "__main__":
    main()
