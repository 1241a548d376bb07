"""A wall clock of a process's own, which a test sets while the process runs.

By libfaketime, loaded before the C library: time(2), gettimeofday(2) and CLOCK_REALTIME are shifted
for Python, librdkafka and PostgreSQL alike. CLOCK_MONOTONIC, file times and waits stay as
they are, as when somebody sets a machine's clock.
"""

import subprocess
import time
from importlib.util import find_spec
from pathlib import Path


class Clock:
    """Args:
    file: keeps the difference to this machine's clock.
    """

    def __init__(self, file):
        self._file = file
        library = Path(find_spec("libfaketime").origin).parent.rglob("libfaketime.so.1")
        self.environment = {
            "LD_PRELOAD": str(next(library)),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",  # Else each process sees a change when it asks anew.
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # For an old C library; it slows others down.
            "NO_FAKE_STAT": "1",
        }
        self.differ(0)

    def differ(self, seconds):
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.replace(self._file)


def require_libfaketime(clock):
    """Where the library does not fit the machine, the loader only warns."""
    clock.differ(3600)
    shown = subprocess.run(
        ["date", "+%s"], env=clock.environment, capture_output=True, text=True, check=True
    )
    clock.differ(0)
    assert int(shown.stdout) > time.time() + 3000, f"libfaketime does not work: {shown.stderr}"
