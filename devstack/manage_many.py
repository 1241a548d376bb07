"""Runs each argument as a management command of the project in the current folder.

For example: ``manage_many.py migrate "print_jwks > jwks.json"``; the file is replaced as a whole.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db.utils import Error


def run(command: str) -> None:
    words = shlex.split(command)
    if ">" not in words:
        call_command(*words)
        return
    target = Path(words.pop())
    unfinished = target.with_name(f"{target.name}.unfinished")
    with unfinished.open("w") as output:
        call_command(*words[:-1], stdout=output)
    unfinished.replace(target)


def main() -> None:
    sys.path[0] = ""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    try:
        django.setup()
        for command in sys.argv[1:]:
            run(command)
    except (CommandError, ImproperlyConfigured, SystemCheckError, Error) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
