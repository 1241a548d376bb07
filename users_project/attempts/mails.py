"""How many mails about links one address gets, whoever asks for them."""

from __future__ import annotations

from datetime import timedelta

from attempts.models import add, key_of

TIME, MAILS = timedelta(hours=1), 5


def one_more(address: str) -> bool:
    """Whether the address may get another one, which then counts."""
    return add(key_of("mail", address.lower()), TIME) <= MAILS
