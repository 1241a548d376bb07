"""Which dead letters a command is about: some by their ids, or every open one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from inbox.models import DeadLetter, DeadLetterQuerySet


def add_choice(parser: CommandParser) -> None:
    parser.add_argument("ids", nargs="*", type=int, help="ids of dead letters")
    parser.add_argument("--all", action="store_true", help="every open dead letter")


def chosen(options: Mapping[str, Any]) -> DeadLetterQuerySet:
    """The open letters that a command's options name.

    Raises CommandError where they name none or both, or an id is not of an open one.
    """
    ids = options["ids"]
    if bool(ids) == options["all"]:
        raise CommandError("Name the ids of open dead letters, or give --all.")
    if not ids:
        return DeadLetter.objects.open()
    letters = DeadLetter.objects.open().filter(id__in=ids)
    if unknown := sorted(set(ids).difference(letters.values_list("id", flat=True))):
        raise CommandError(f"Not an open dead letter: {', '.join(map(str, unknown))}.")
    return letters
