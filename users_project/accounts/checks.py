"""Deployment checks.

Only the web process has signing keys, the relay and the migrations have none: so that check has a
tag of its own, which ``config/wsgi.py`` asks for.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
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


@register("mail", deploy=True)
def check_mail(**kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_BACKEND != "django.core.mail.backends.console.EmailBackend":
        return []
    hint = "Name a mail server in EMAIL_URL: smtp+tls://user:password@host:587."
    return [
        checks.Warning(
            "Mail goes to standard output, with addresses and links that set passwords.",
            hint=hint,
            id="accounts.W001",
        )
    ]
