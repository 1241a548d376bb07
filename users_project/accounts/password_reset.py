"""A new password for who reads the mail of an account."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest
from django.urls import reverse

from accounts import mail
from accounts.models import User
from accounts.refusals import InvalidLink
from attempts import mails
from attempts.passwords import Tries
from audit import trail
from audit.models import Event


def send_link(email: str) -> None:
    """Nothing where there is no such account that can sign in with a password."""
    user = User.objects.with_email(email).filter(is_active=True).first()
    if user is None or not user.has_usable_password():
        return
    if not mails.one_more("password_reset", user.email):
        return
    trail.record(Event.PASSWORD_RESET_MAILED, user.pk)
    link = mail.link(reverse("rest_framework:password-reset-confirm"), token_of(user))
    mail.send("password_reset", user.email, username=user.username, link=link)


def token_of(user: User) -> str:
    """Holds for PASSWORD_RESET_TIMEOUT seconds, and until the password or the address changes."""
    return f"{user.pk.hex}.{default_token_generator.make_token(user)}"


def user_of(token: str) -> User:
    """Raises InvalidLink."""
    key, _, rest = token.partition(".")
    try:
        user = User.objects.filter(pk=UUID(hex=key), is_active=True).first()
    except ValueError:
        user = None
    if user is None or not default_token_generator.check_token(user, rest):
        raise InvalidLink
    return user


def confirm(token: str, password: str, request: HttpRequest) -> None:
    """Sets the password and ends every session.

    Raises InvalidLink, and django.core.exceptions.ValidationError for the password.
    """
    user = user_of(token)
    validate_password(password, user)
    with trail.recorded():
        # Of two at once the second sees the first one's password, and its token is none any more.
        User.objects.lock(user.pk)
        user = user_of(token)
        user.change_password(password)
    for name in (user.username, user.email):
        Tries(request, name, str(user.pk)).succeeded()
    mail.send_later("password_changed", user.email, username=user.username)
