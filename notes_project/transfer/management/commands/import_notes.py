"""``manage.py import_notes``: notes of a user from the files of an export."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.progress import Progress
from transfer import importing
from transfer.errors import CannotImport, Unfinished
from transfer.report import OUTCOMES, Report
from transfer.users import user_named
from users.authentication import NoSuchAccount
from users.models import User

# No upload has a limit here: who runs commands may fill the disk.
_MAX_BYTES = 1 << 50


class Command(BaseCommand):
    help = (
        "Takes notes from an export, its format told by the content, as the API does, without its"
        " limits. Safe to repeat: what is there stays as it is. Each item that is not taken as it"
        " was gets a line. Exits with 1 where some were refused, or the whole was.\n"
        "Examples: import_notes ada notes.jsonl --dry-run; import_notes ada Part-1.zip Part-2.zip"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="or the user's id")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="all of one export")
        parser.add_argument("--dry-run", action="store_true", help="say it, and write nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object, as the API's")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["username"])
        try:
            report = _run(user, options["files"], options["dry_run"])
        except CannotImport as error:
            raise CommandError(f"Nothing was written. {error}") from None
        except Unfinished as error:
            raise CommandError(str(error.detail)) from None
        except NoSuchAccount:
            raise CommandError("The user has been deleted.") from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from None
        with report:
            self._write(report, as_json=options["json"])
        if report.counts["refused"]:
            raise CommandError(f"{report.counts['refused']} items were refused.")

    def _write(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            for piece in report:
                self.stdout.write(piece.decode(), ending="")
            self.stdout.write("")
            return
        for line in report.lines():
            self.stdout.write(f"{line['outcome']:<9} {line['source']}: {line['reason']}")
        counts = ", ".join(f"{report.counts[name]} {name}" for name in OUTCOMES)
        self.stdout.write(f"{counts}{' in a dry run' if report.values['dry_run'] else ''}")


def _run(user: User, paths: list[Path], dry_run: bool) -> Report:
    """Raises CannotImport, NoSuchAccount, Unfinished, OSError."""
    with ExitStack() as stack:
        progress = stack.enter_context(Progress("notes"))
        files = [(path.name, stack.enter_context(path.open("rb"))) for path in paths]
        return importing.take(user, files, _MAX_BYTES, dry_run=dry_run, progress=progress.show)
