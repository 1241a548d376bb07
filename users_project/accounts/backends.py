"""Who somebody is, by username or e-mail address and password, in any letter case."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from attempts.passwords import Tries
from audit import trail
from audit.models import Event

MAX_PASSWORD_LENGTH = 1024
"""In characters. A hasher takes any length, and time for it."""


def refusal() -> str:
    """The one answer to every sign-in that fails, whatever the reason."""
    text = "The name or the password is wrong"
    return (
        f"{text}, or the address is not confirmed." if settings.EMAIL_VERIFICATION else f"{text}."
    )


class PasswordBackend(ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The active user of this username or e-mail address with this password.

        Every answer costs one run of the hasher, whether there is such a user or not. Raises
        TooManyFailures, where none is run.
        """
        if not username or password is None or len(password) > MAX_PASSWORD_LENGTH:
            return None
        user = self._find(username)
        tries = Tries(request, username, str(user.pk) if user else "") if request else None
        if tries:
            tries.require_some_left()
        accepted = self._accepts(user, password)
        if tries:
            tries.succeeded() if accepted else tries.failed()
        if accepted:
            return user
        trail.record(Event.SIGN_IN_FAILED, user.pk if user else None)
        return None

    def _accepts(self, user: User | None, password: str) -> bool:
        if user is None:
            User().set_password(password)
            return False
        return user.check_password(password) and user.is_active

    def _find(self, name: str) -> User | None:
        # The address first: a username may look like somebody else's.
        found = User.objects.with_email(name).first() if "@" in name else None
        return found or User.objects.with_username(name).first()
