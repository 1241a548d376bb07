from __future__ import annotations

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.deconstruct import deconstructible


@deconstructible
class UsernameValidator(UnicodeUsernameValidator):
    """Without ``@``: usernames are public and go into events, and an e-mail address must not."""

    regex = r"^[\w.+-]+\Z"
    message = "Enter a username of letters, digits and . + - _ alone."
