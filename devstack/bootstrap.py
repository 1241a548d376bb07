"""Makes .venv and installs a requirements file into it, where that file has changed since.

    python3 devstack/bootstrap.py requirements/devstack.txt

Runs on the machine's own Python, so on the standard library alone; Python 3.7 can still read it,
to say that it is too old.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
NEEDED = 2000
"""MB for the packages, Kafka's jars and the first data."""
UNTRUSTED = (
    "its certificate is not trusted here. Set REQUESTS_CA_BUNDLE to a file with the certificates "
    "that this network needs, then repeat: what is here is kept."
)
"""What to do about a download that `is_untrusted`; pip and requests both read the variable."""


def main(name: str) -> None:
    check_python()
    requirements = REPOSITORY / name
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = VENV / f"installed-{requirements.name}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    free = shutil.disk_usage(REPOSITORY).free // 1_000_000
    if free < NEEDED:
        sys.exit(f"{REPOSITORY} has {free} MB free, {NEEDED} are needed. Make room, then repeat.")
    make_venv()
    install(requirements)
    stamp.write_text(digest)


def check_python() -> None:
    """Exits with one line where this machine or its Python cannot do."""
    if not sys.platform.startswith("linux"):
        sys.exit("This runs on Linux alone. Elsewhere use the containers: docker compose up")
    if sys.version_info < (3, 11):  # noqa: UP036 - that it may be older is the point
        found = ".".join(str(number) for number in sys.version_info[:2])
        sys.exit(f"Python {found} is too old, 3.11 is needed: make run PYTHON=python3.11")
    if not (find_spec("venv") and find_spec("ensurepip")):
        sys.exit("This Python has no venv module. Install it, on Debian: apt install python3-venv")


def make_venv() -> None:
    pip = [str(PYTHON), "-m", "pip", "--version"]
    if PYTHON.exists() and subprocess.run(pip, capture_output=True, check=False).returncode == 0:
        return
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"Making .venv failed: {last_line(made.stdout + made.stderr)}")


def install(requirements: Path) -> None:
    """Runs pip, which repeats nothing that is there already, and shows how far it is."""
    total = requirements.read_text().count("==")
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "--require-hashes", "-r", str(requirements)]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"Installing {total} packages into .venv", flush=True)
    done, output = 0, ""
    for line in pip.stdout or ():
        output += line
        done += line.startswith(("Collecting ", "Requirement already satisfied: "))
        show(f"  {done} of {total}")
    show("\n")
    if pip.wait():
        if is_untrusted(output):
            sys.exit(f"Installing from the package index failed: {UNTRUSTED}")
        reason = last_line("".join(line for line in output.splitlines(True) if "ERROR" in line))
        sys.exit(f"Installing failed, {reason}. Check the network to the package index and repeat.")


def is_untrusted(error: str) -> bool:
    """Whether OpenSSL refused a certificate, or the file of those to trust is not there."""
    return "certificate verify failed" in error or "TLS CA certificate bundle" in error


def show(text: str) -> None:
    """Replaces the line on a terminal; elsewhere nothing."""
    if sys.stdout.isatty():
        print(f"\r{text}", end="", flush=True)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit("Interrupted; repeat to go on.")
