"""The other implementations that some benchmarks measure beside: a folder with a package.json each.

``PEER`` names the stack of Express, Prisma and kafkajs, which is no part of this repository.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

_FOLDER = Path(os.environ["BENCHMARK_FOLDER"])
EXPRESS_PG = Path(__file__).parent / "express_pg"


def install() -> Path:
    """The folder of a copy of the peer, ready to run; one serves all benchmarks of a run."""
    folder = _FOLDER / "peer"
    if folder.exists():
        return folder
    source = os.environ.get("PEER")
    if not source or not (Path(source) / "note-service.js").exists():
        sys.exit("This needs the peer: make bench PEER=FOLDER, with its note-service.js.")
    _install(Path(source), folder)
    subprocess.run(["npm", "run", "generate"], cwd=folder, check=True)
    return folder


def install_express_pg() -> Path:
    return _install(EXPRESS_PG, _FOLDER / EXPRESS_PG.name)


def database(peer: Path, url: str) -> str:
    """A database of its own on the server of ``url``, with the peer's tables. Returns its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS peer")
        connection.execute("CREATE DATABASE peer")
    own = url.replace(f"/{conninfo_to_dict(url)['dbname']}", "/peer")
    with psycopg.connect(own, autocommit=True) as connection:
        connection.execute((peer / "notes.sql").read_text())
    return own


def _install(source: Path, folder: Path) -> Path:
    ignored = shutil.ignore_patterns("node_modules", "generated")
    shutil.copytree(source, folder, ignore=ignored)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder
