"""The two Django projects' processes: web servers, workers, and management commands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.part import Part
from devstack.processes import Children, Process

REPOSITORY = Path(__file__).resolve().parent.parent


class Service(Part):
    """A process of one project.

    Args:
        project: ``users`` or ``notes``.
        arguments: what follows ``python``.
        environment: gives the project's variables at each start.
    """

    def __init__(
        self,
        name: str,
        project: str,
        *ports: int,
        children: Children,
        arguments: list[str],
        environment: Callable[[str], dict[str, str]],
    ) -> None:
        super().__init__(name, children, *ports)
        self.project = project
        self.arguments = arguments
        self.environment = environment

    def command(self) -> list[str | Path]:
        return [sys.executable, *self.arguments]

    @property
    def by_hand(self) -> str:
        """How a person runs it beside the stack, in bash at the top of the repository."""
        python = f"../.venv/bin/python {shlex.join(self.arguments)}"
        return f"set -a; . <(make env); set +a; cd {self.project}_project; {python}"

    def _spawn(self) -> Process:
        return self._children.start(
            self.name,
            self.command(),
            folder=project_folder(self.project),
            env=self.environment(self.project),
        )


def project_folder(project: str) -> Path:
    return REPOSITORY / f"{project}_project"


GUNICORN = ["-m", "gunicorn", "--config", "config/gunicorn.conf.py", "config.wsgi"]


def manage(
    children: Children, project: str, commands: list[str], environment: dict[str, str]
) -> None:
    """Runs management commands in one interpreter; most of each is Django's start.

    Raises DevstackError when one fails.
    """
    program = Path(__file__).with_name("manage_many.py")
    children.run(
        f"{project}-manage",
        [sys.executable, program, *commands],
        folder=project_folder(project),
        env=environment,
    )
