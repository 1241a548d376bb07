"""A small file system of its own, which can be full: a tmpfs, so that the kernel says ENOSPC.

Root mounts it. Another user does so in a user and mount namespace, which a process keeps; the way
in from outside is /proc/PID/root.
"""

import os
import subprocess
from pathlib import Path

from devstack.errors import DevstackError
from devstack.processes import wait_until


class SmallDisk:
    """Args:
    folder: where root mounts it, made where it is missing.
    """

    def __init__(self, children, folder, megabytes):
        folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "faults", folder]
        self._mounted = os.geteuid() == 0
        if self._mounted:
            children.run("disk", mount)
            self.folder = folder
        else:
            self.folder = _mount_in_namespace(children, folder, mount)
        self._ballast = self.folder / "ballast"

    def fill(self):
        """Leaves not one block."""
        with self._ballast.open("ab") as file:
            while True:
                left = os.statvfs(self.folder)
                if not left.f_bavail:
                    return
                block = left.f_bsize
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, 2), left.f_bavail * block)
                    file.seek(0, 2)
                except OSError:  # Somebody else was faster.
                    continue

    def make_room(self):
        self._ballast.unlink(missing_ok=True)

    def close(self):
        if self._mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=True)


def _mount_in_namespace(children, folder, mount):
    script = '"$@" && echo mounted && exec sleep infinity'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *mount]
    holder = children.start("disk", words)
    wait_until(lambda: "mounted" in holder.tail or not holder.running, 10)
    if not holder.running:
        lines = holder.last_lines()
        raise DevstackError(f"Here an ordinary user mounts no tmpfs; run it as root:\n{lines}")
    return Path(f"/proc/{holder.pid}/root{folder}")
