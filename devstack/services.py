"""The two Django projects' processes: web servers, workers, and management commands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from devstack.part import Part
from devstack.postgres import as_role
from devstack.processes import Children, Process

REPOSITORY = Path(__file__).resolve().parent.parent


# Of all other processes it is their project's `_web`.
_ROLES = {"relay_outbox": "users_relay", "consume_user_events": "notes_consumer"}


class Service(Part):
    """A process of one project.

    Args:
        project: ``users`` or ``notes``.
        arguments: what follows ``python``.
        environment: gives the project's variables at each start, with the URL of the database's
            owner.
        own_role: False where that URL is all there is: of a server that somebody else runs.
    """

    def __init__(
        self,
        name: str,
        project: str,
        *ports: int,
        children: Children,
        arguments: list[str],
        environment: Callable[[str], dict[str, str]],
        own_role: bool = True,
    ) -> None:
        super().__init__(name, children, *ports)
        self.project = project
        self.arguments = arguments
        self.environment = environment
        self.own_role = own_role

    def command(self) -> list[str | Path]:
        return [sys.executable, *self.arguments]

    @property
    def by_hand(self) -> str:
        """How a person runs it beside the stack, in bash at the top of the repository."""
        python = f"../.venv/bin/python {shlex.join(self.arguments)}"
        env = f"make env ROLE={self.role}" if self.own_role else "make env"
        return f"set -a; . <({env}); set +a; cd {self.project}_project; {python}"

    @property
    def role(self) -> str:
        return role_of(self.project, self.arguments)

    def _spawn(self) -> Process:
        env = self.environment(self.project)
        if self.own_role:
            env = with_role(env, self.project, self.role)
        folder = project_folder(self.project)
        return self._children.start(self.name, self.command(), folder=folder, env=env)


def role_of(project: str, arguments: Sequence[str]) -> str:
    """The database role of the process that these arguments of ``python`` start."""
    found = [role for word, role in _ROLES.items() if word in arguments]
    return found[0] if found else f"{project}_web"


def with_role(environment: dict[str, str], project: str, role: str) -> dict[str, str]:
    """The environment of a project's owner, with that role's URL of the database."""
    variable = f"{project.upper()}_DATABASE_URL"
    return environment | {variable: as_role(environment[variable], role)}


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
