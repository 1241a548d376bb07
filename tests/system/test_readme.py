"""The README's requests do what it says, against the running stack."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()
REQUESTS = README.partition("\n## One request to each service\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n+```json\n(.*?)^```$", REQUESTS, re.MULTILINE | re.DOTALL)
CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z")

# A machine without curl can run the tests too. An option that it does not know is an error.
CURL = f"""#!{sys.executable}
import argparse, requests
parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-s", action="store_true", required=True)
parser.add_argument("-H", action="append")
parser.add_argument("-d", required=True)
given = parser.parse_args()
headers = dict(header.split(": ", 1) for header in given.H)
print(requests.post(given.url, data=given.d.encode(), headers=headers, timeout=30).text, end="")
"""


@pytest.fixture
def environment(tmp_path):
    curl = tmp_path / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_its_requests_get_its_answers(stack, environment):
    script = "\necho ---\n".join(commands for commands, _ in BLOCKS)
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            script.replace("http://localhost:4000", stack.gateway_url),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [normal(answer) for answer in done.stdout.split("---\n")]
    assert len(BLOCKS) == 2
    assert answers == [normal(answer) for _, answer in BLOCKS]


def normal(answer):
    """Without what differs each time."""
    return json.loads(CHANGING.sub("…", answer))
