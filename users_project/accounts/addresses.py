"""Confirmed e-mail addresses, where EMAIL_VERIFICATION asks for them.

Whoever has registered signs in once the address is confirmed, and a changed address takes effect
then. Accounts from before are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts import mail
from accounts.models import PendingAddress, User
from accounts.refusals import InvalidLink, Taken, taken, taken_as_field_error
from attempts import mails
from audit import trail
from audit.models import Event

LIFETIME = timedelta(days=3)

_signer = signing.TimestampSigner(salt="accounts.addresses")


def ask(user: User, email: str) -> None:
    """Sends a link to the address; those sent before for this user hold no more."""
    with transaction.atomic():
        # One at a time: a user has one such row.
        User.objects.lock(user.pk)
        PendingAddress.objects.filter(user=user).delete()
        pending = PendingAddress.objects.create(user=user, email=email)
        transaction.on_commit(lambda: _send(pending, mail.send_later))


def propose(user: User, email: str) -> None:
    """Another address for the user; the one they have takes back what they proposed before.

    Raises Taken.
    """
    if email == user.email:
        PendingAddress.objects.filter(user=user).exclude(email=email).delete()
        return
    refusal = taken({"email": email}, user)
    if refusal:
        raise refusal
    ask(user, email)


def ask_again(email: str) -> None:
    """Sends the link again. Nothing where no such address waits."""
    for pending in PendingAddress.objects.for_email(email):
        _send(pending, mail.send)


def is_awaited(user: User) -> bool:
    """Whether the user's own address is not confirmed, so that they may not sign in yet."""
    return (
        settings.EMAIL_VERIFICATION
        and PendingAddress.objects.filter(user=user, email=user.email).exists()
    )


def confirm(token: str) -> None:
    """The address is the user's from now on. Raises InvalidLink, Taken."""
    try:
        key = _signer.unsign(token, max_age=LIFETIME)
    except signing.BadSignature:
        raise InvalidLink from None
    with trail.recorded():
        # First the user: whoever changes the address locks in this order.
        user = User.objects.lock(PendingAddress.objects.filter(pk=key).values("user"))
        pending = PendingAddress.objects.filter(pk=key).first()
        if user is None or pending is None:
            raise InvalidLink
        pending.delete()
        if pending.email != user.email:
            _change(user, pending.email)


def tell_former(user: User) -> None:
    """To the address that ``user`` was read with, once it is another one."""
    mail.send_later("address_changed", user.email, username=user.username)


def _change(user: User, email: str) -> None:
    try:
        with taken_as_field_error({"email": email}, user):
            User.objects.filter(pk=user.pk).update(email=email)
    except Taken:
        raise Taken({"token": "Somebody has this address meanwhile."}, "taken") from None
    transaction.on_commit(lambda: tell_former(user))


def _send(pending: PendingAddress, send: Callable[..., None]) -> None:
    if not mails.one_more(pending.email):
        return
    trail.record(Event.CONFIRMATION_MAILED, pending.user_id)
    token = _signer.sign(str(pending.pk))
    link = mail.link(reverse("rest_framework:confirm-address"), token)
    send("confirm_address", pending.email, username=pending.user.username, link=link)
