"""How many mails of a kind one address gets, whoever asks for them.

Of each kind apart: whoever registers with somebody's address keeps no new password from them.
"""

from __future__ import annotations

from datetime import timedelta

from attempts.models import add, key_of

TIME, MAILS = timedelta(hours=1), 5


def one_more(kind: str, address: str) -> bool:
    """Whether the address may get another one, which then counts."""
    return add(key_of("mail", kind, address.lower()), TIME) <= MAILS
