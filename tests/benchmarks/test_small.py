"""Every benchmark runs on a little data and compares its answers, so that none rots.

Not those against the peer, which is not part of this repository.
"""

import json
import subprocess
import sys
from html import escape

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, NEED_THE_PEER


@pytest.mark.timeout(900)  # All of them in one run, which starts its servers once.
def test_every_benchmark_runs(tmp_path):
    names = [name for name in BENCHMARKS if name not in NEED_THE_PEER]
    command = [sys.executable, "-m", "tests.benchmarks", "--small", "--output", tmp_path, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert list(dict.fromkeys(result["benchmark"] for result in results)) == names
    assert all(len(result["rounds"]) == 1 and result["median"] > 0 for result in results)
    picture = (tmp_path / "results.svg").read_text()
    assert all(escape(result["what"]) in picture for result in results if result["target"])
    assert done.stdout.count("\n") == 1 + len(results), done.stdout
