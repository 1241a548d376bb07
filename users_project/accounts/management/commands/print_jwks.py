from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.keys import SigningKeyError, key_folder


class Command(BaseCommand):
    help = (
        "Prints the public keys that verify access tokens, as /.well-known/jwks.json has them.\n"
        "Example: print_jwks >jwks.json"
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(json.dumps(key_folder().jwks(), indent=2))
        except SigningKeyError as error:
            raise CommandError(f"{error} Run manage.py rotate_signing_key.") from error
