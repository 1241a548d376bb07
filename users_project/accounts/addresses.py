"""Confirmed e-mail addresses, where EMAIL_VERIFICATION asks for them.

Whoever registers is a user from then on, and a changed address takes effect then. That somebody has
an address is told to nobody but who reads its mail.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts import mail
from accounts.models import PendingAddress, User
from accounts.refusals import InvalidLink, Taken, taken, taken_as_field_error
from attempts import mails
from audit import trail
from audit.models import Event

_signer = signing.Signer(salt="accounts.pending_addresses")


def register(email: str, username: str, password: str) -> None:
    """Keeps who is no user yet, and sends a link to their address.

    Raises Taken for the username; it is theirs, and nobody else's, once the link is followed.
    """
    pending = PendingAddress(email=email, username=username, password=make_password(password))
    refusal = taken({"username": username})
    if refusal:
        raise refusal
    with transaction.atomic():
        _ask(pending)


def propose(user: User, email: str) -> None:
    """Sends a link to another address; links sent before for this user hold no more.

    The address that the user has takes back what they proposed before.

    Args:
        user: locked, since a user has one such row.
    """
    PendingAddress.objects.filter(user=user).delete()
    if email != user.email:
        _ask(PendingAddress(user=user, email=email))


def ask_again(email: str) -> None:
    """Sends the links again, the latest first. Nothing where no such address waits."""
    waiting = PendingAddress.objects.live().for_email(email).order_by("-created_at")
    for pending in waiting[: mails.MAILS]:
        trail.record(Event.CONFIRMATION_MAILED, pending.user_id)
        _send(pending)


def confirm(token: str) -> None:
    """Raises InvalidLink, Taken."""
    try:
        key = _signer.unsign(token)
    except signing.BadSignature:
        raise InvalidLink from None
    if not accept(key):
        raise InvalidLink


def accept(key: Any) -> bool:
    """The address is the user's from now on, or that of a new user.

    Returns whether it waited still. Raises Taken where an account has it, or the username.
    """
    with trail.recorded():
        # First the user: whoever changes the address locks in this order.
        user = User.objects.lock(PendingAddress.objects.filter(pk=key).values("user"))
        pending = PendingAddress.objects.live().select_for_update().filter(pk=key).first()
        if pending is None:
            return False
        pending.delete()
        if user:
            _change(user, pending.email)
        else:
            _create(pending)
        return True


def tell_former(user: User) -> None:
    """To the address that ``user`` was read with, once it is another one."""
    mail.send_later("address_changed", user.email, username=user.username)


def _change(user: User, email: str) -> None:
    try:
        with taken_as_field_error({"email": email}, user):
            User.objects.filter(pk=user.pk).update(email=email)
    except Taken:
        raise Taken({"token": "An account has this address already."}) from None
    transaction.on_commit(lambda: tell_former(user))


def _create(pending: PendingAddress) -> None:
    given = {"email": pending.email, "username": pending.username}
    try:
        with taken_as_field_error(given):
            user = User.objects.create(**given, password=pending.password)
    except Taken:
        text = "An account has this address or this username already."
        raise Taken({"token": text}) from None
    trail.record(Event.EMAIL_CONFIRMED, user.pk)


def _ask(pending: PendingAddress) -> None:
    pending.save(force_insert=True)
    # Not where the mail is sent: whose address it is would show in the export.
    trail.record(Event.CONFIRMATION_MAILED, pending.user_id)
    transaction.on_commit(lambda: mail.later("confirm_address", lambda: _send(pending)))


def _send(pending: PendingAddress) -> None:
    """After the answer, which is the same whether an account has the address or not."""
    user = User.objects.filter(pk=pending.user_id).first() if pending.user_id else None
    owner = User.objects.with_email(pending.email).first()
    if owner and owner != user:
        if mails.one_more("address_known", owner.email):
            mail.send("address_known", owner.email, user=owner)
    elif mails.one_more("confirm_address", pending.email):
        path = reverse("rest_framework:confirm-address")
        mail.send(
            "confirm_address",
            pending.email,
            username=user.username if user else pending.username,
            asked_at=pending.created_at,
            until=pending.created_at + PendingAddress.LIFETIME,
            link=mail.link(path, _signer.sign(str(pending.pk))),
        )
