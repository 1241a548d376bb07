from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.keys import SigningKeyError, key_folder, rotate


class Command(BaseCommand):
    help = (
        "Makes the first token keys; after that, moves each one place on: current becomes "
        "previous, next becomes current. Running services see it at once. Leave more than five "
        "minutes between two rotations, the life of an access token."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.USERS_SIGNING_KEYS_DIR
        try:
            rotate(folder)
            kid = key_folder().current().kid
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        except SigningKeyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The key that signs now: {kid}")
