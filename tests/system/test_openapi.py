"""The running services against their OpenAPI documents: schemathesis with all its checks.

The requests follow from SCHEMATHESIS_SEED, a fixed number by default, and from what the services
answer. schemathesis.toml says what is set and why.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.client import Api
from tests.system.openapi import DOCUMENTS, FOLDER

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SEED = os.environ.get("SCHEMATHESIS_SEED", "20261125")


def configure(url, folder, replace):
    """schemathesis.toml, and two people who may see nothing of each other."""
    with Api(url) as api:
        tokens = [api.sign_in().headers["Authorization"] for _ in range(2)]
    people = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": token}]}
        for name, token in zip(("first", "second"), tokens, strict=True)
    ]
    path = folder / "people.yaml"
    path.write_text(json.dumps({"auth": people}))
    text = (HERE / "schemathesis.toml").read_text()
    for old, new in replace:
        assert old in text
        text = text.replace(old, new)
    file = folder / "schemathesis.toml"
    auth = f'\n[auth.wfc]\npath = "{path}"\nuser = "first"\npeers = ["first", "second"]\n'
    file.write_text(text + auth)
    return file


def run(url, document, folder, *arguments, replace=()):
    """Tries a document against the services; fails where they differ.

    Args:
        folder: for what schemathesis is told.
        arguments: more of them for it.
        replace: what else differs in its configuration: (old, new) pairs.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", configure(url, folder, replace), "run", document, "--url", url),
            *("--checks", "all", "--seed", SEED, "--no-color", *arguments),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout + done.stderr)  # it ends with the seed
    assert done.returncode == 0, f"SCHEMATHESIS_SEED={SEED} repeats the requests"


@pytest.mark.timeout(900)  # half a minute on a machine that does nothing else
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_service_does_what_its_document_says(stack, tmp_path, name):
    run(stack.gateway_url, FOLDER / f"{name}.yaml", tmp_path)
