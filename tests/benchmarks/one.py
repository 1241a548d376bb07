"""Runs one benchmark in this process, for ``__main__``: ``one.py MODULE OUTPUT [small]``."""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.frame import Run


def main(module: str, output: Path, small: bool) -> None:
    benchmark = importlib.import_module(f"tests.benchmarks.{module}")
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        ratios = list(benchmark.run(Run(small, Path(folder))))
    load = round(os.getloadavg()[0], 1)
    output.write_text(json.dumps([ratio.as_json() | {"load": load} for ratio in ratios]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), "small" in sys.argv[3:])
