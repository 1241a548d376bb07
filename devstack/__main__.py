"""The commands behind the Makefile: python -m devstack COMMAND."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import shutil
import signal
import sys

from devstack.errors import DevstackError
from devstack.lock import StackLock
from devstack.services import REPOSITORY, project_folder

FOLDER = REPOSITORY / ".local"


def run() -> None:
    from devstack.run import run as run_stack

    run_stack(FOLDER)


def show_env() -> None:
    """As the databases' owners have it; with AS, as that role of a database has it."""
    from devstack.services import with_role

    settings = _settings()
    if role := os.environ.get("ROLE"):
        project = role.partition("_")[0]
        if project not in ("users", "notes"):
            raise DevstackError(
                f"ROLE={role}: users_web, users_relay, notes_web or notes_consumer."
            )
        settings = with_role(settings, project, role)
    print("\n".join(f"{name}={shlex.quote(value)}" for name, value in settings.items()))


def walk_demo() -> None:
    from devstack import demo

    demo.walk(_settings(), print)


def shell(project: str) -> None:
    """Django's shell, in place of this process."""
    from devstack.environment import of_project

    environment = of_project(project, _settings())
    os.chdir(project_folder(project))
    os.execve(sys.executable, [sys.executable, "manage.py", "shell"], environment)  # noqa: S606


def stop() -> None:
    pid, url = _require_running()
    os.kill(pid, signal.SIGTERM)
    if not StackLock(FOLDER).wait_until_free(90):
        raise DevstackError(f"The stack (pid {pid}) has not ended after 90 s: kill -KILL {pid}")
    print(f"Stopped the stack at {url}.")


def clean() -> None:
    if owner := StackLock(FOLDER).owner():
        raise DevstackError(f"A stack is running (pid {owner[0]}). Stop it first: make stop")
    shutil.rmtree(FOLDER)


def lock_jars() -> None:
    from devstack import jars

    for spec in (jars.KAFKA, REPOSITORY / "tests" / "debezium" / "jgo.toml"):
        jars.lock(spec)


def _require_running() -> tuple[int, str]:
    owner = StackLock(FOLDER).owner()
    if owner is None:
        raise DevstackError("No stack is running here. Start one: make run")
    return owner


def _settings() -> dict[str, str]:
    _require_running()
    words = shlex.split((FOLDER / "env").read_text())
    return dict(word.split("=", 1) for word in words)


COMMANDS = {
    "run": run,
    "demo": walk_demo,
    "env": show_env,
    "stop": stop,
    "clean": clean,
    "users-shell": lambda: shell("users"),
    "notes-shell": lambda: shell("notes"),
    "lock-jars": lock_jars,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    try:
        COMMANDS[parser.parse_args().command]()
    except DevstackError as error:
        sys.exit(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        sys.exit(f"{error.filename or FOLDER}: {error.strerror}. Make room or access, then repeat.")


if __name__ == "__main__":
    main()
