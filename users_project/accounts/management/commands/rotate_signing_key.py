from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.keys import SigningKeyError, key_folder, rotate, seconds_to_wait


class Command(BaseCommand):
    help = (
        "Makes the first token keys; after that, moves each one place on: current becomes "
        "previous, next becomes current. Running services see it at once, and no request fails. "
        "Refuses where the last rotation was less than 310 seconds ago, the life of a token.\n"
        "Examples: rotate_signing_key; rotate_signing_key --now"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--now",
            action="store_true",
            help="however soon, as after a theft; access tokens may be refused then",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.USERS_SIGNING_KEYS_DIR
        wait = 0 if options["now"] else seconds_to_wait(folder)
        if wait:
            raise CommandError(
                f"Nothing is done: the last rotation was a short time ago. Try again in {wait} s,"
                " or with --now, which makes access tokens invalid."
            )
        try:
            rotate(folder)
            kid = key_folder().current().kid
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        except SigningKeyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The key that signs now: {kid}")
