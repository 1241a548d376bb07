"""Confirmed e-mail addresses, where EMAIL_VERIFICATION asks for them.

Whoever registers is a user from then on, and a changed address takes effect then. That somebody has
an address is told to nobody but who reads its mail.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
MEANWHILE = "Somebody else has this address or this name meanwhile: choose another one."

_signer = signing.TimestampSigner(salt="accounts.addresses")


def register(user: User) -> None:
    """Keeps who is no user yet, and sends a link to their address.

    Raises Taken for the username; it is theirs, and nobody else's, once the link is followed.
    """
    refusal = taken({"username": user.username})
    if refusal:
        raise refusal
    with transaction.atomic():
        _ask(PendingAddress(email=user.email, username=user.username, password=user.password))


def propose(user: User, email: str) -> None:
    """Sends a link to another address; links sent before for this user hold no more.

    The address that the user has takes back what they proposed before.
    """
    with transaction.atomic():
        # One at a time: a user has one such row.
        User.objects.lock(user.pk)
        PendingAddress.objects.filter(user=user).delete()
        if email != user.email:
            _ask(PendingAddress(user=user, email=email))


def ask_again(email: str) -> None:
    """Sends the link again. Nothing where no such address waits."""
    for pending in PendingAddress.objects.for_email(email):
        _send(pending)


def confirm(token: str) -> None:
    """Raises InvalidLink, Taken."""
    try:
        key = _signer.unsign(token, max_age=LIFETIME)
    except signing.BadSignature:
        raise InvalidLink from None
    if not accept(key):
        raise InvalidLink


def accept(key: Any) -> bool:
    """The address is the user's from now on, or that of a new user.

    Returns whether it waited still. Raises Taken where somebody has it, or the username, meanwhile.
    """
    with trail.recorded():
        # First the user: whoever changes the address locks in this order.
        user = User.objects.lock(PendingAddress.objects.filter(pk=key).values("user"))
        pending = PendingAddress.objects.select_for_update().filter(pk=key).first()
        if pending is None:
            return False
        pending.delete()
        try:
            if user:
                _change(user, pending.email)
            else:
                _create(pending)
        except Taken:
            raise Taken({"token": MEANWHILE}, "taken") from None
        return True


def tell_former(user: User) -> None:
    """To the address that ``user`` was read with, once it is another one."""
    mail.send_later("address_changed", user.email, username=user.username)


def _change(user: User, email: str) -> None:
    with taken_as_field_error({"email": email}, user):
        User.objects.filter(pk=user.pk).update(email=email)
    transaction.on_commit(lambda: tell_former(user))


def _create(pending: PendingAddress) -> None:
    given = {"email": pending.email, "username": pending.username}
    with taken_as_field_error(given):
        user = User.objects.create(**given, password=pending.password)
    trail.record(Event.EMAIL_CONFIRMED, user.pk)


def _ask(pending: PendingAddress) -> None:
    pending.save(force_insert=True)
    transaction.on_commit(lambda: mail.later("confirm_address", lambda: _send(pending)))


def _send(pending: PendingAddress) -> None:
    """Not before the answer, which is the same whether somebody has the address or not."""
    if not mails.one_more(pending.email):
        return
    owner = User.objects.with_email(pending.email).first()
    if owner and owner.pk != pending.user_id:
        mail.send("address_known", owner.email, username=owner.username)
        return
    trail.record(Event.CONFIRMATION_MAILED, pending.user_id)
    token = _signer.sign(str(pending.pk))
    link = mail.link(reverse("rest_framework:confirm-address"), token)
    username = pending.user.username if pending.user else pending.username
    mail.send("confirm_address", pending.email, username=username, link=link)
