"""Checks that only the web process can pass: the relay and the migrations have no signing keys.

So they are deployment checks with a tag of their own, which ``config/wsgi.py`` asks for.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from accounts.keys import KeyFolder, SigningKeyError


@register("web", deploy=True)
def check_signing_keys(**kwargs: Any) -> list[CheckMessage]:
    try:
        KeyFolder(settings.USERS_SIGNING_KEYS_DIR).keys()
    except SigningKeyError as error:
        hint = "Run `manage.py rotate_signing_key`; USERS_SIGNING_KEYS_DIR names the folder."
        return [Error(str(error), hint=hint, id="accounts.E001")]
    return []
