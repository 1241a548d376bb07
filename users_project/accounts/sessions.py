"""Sign-ins and their refresh tokens: opaque, random, kept as a hash alone, each used once.

A refresh token that comes back after its use was copied, so its whole family ends (RFC 9700,
section 4.14.2). For a few seconds it may come back: the answer to its use can have been lost, or
two tabs of a browser sent it at once. Each gets a token of its own then, for one place in the
family, and the first of these that is used uses up the others (decision 28).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Least

from accounts.models import RefreshToken, Session, User
from audit import trail
from audit.models import Event

IDLE_LIFETIME = timedelta(days=14)
LIFETIME = timedelta(days=90)
GRACE = timedelta(seconds=10)


def start(user: User, user_agent: str) -> Session | None:
    """A session for who has just given a password; None where that does not hold any more.

    The row lock orders this against a change of password and a sign-out everywhere: either these
    see the session and end it, or this sees them.
    """
    with trail.recorded(by=user.pk):
        holder = User.objects.select_for_update(no_key=True).filter(
            pk=user.pk, password=user.password, is_active=True
        )
        current = holder.first()
        if current is None:
            return None
        _prune(current)
        return Session.objects.create(
            user=current, user_agent=user_agent[:255], expires_at=TransactionNow() + IDLE_LIFETIME
        )


def start_with_refresh_token(user: User, user_agent: str) -> tuple[Session, str] | None:
    """As ``start``, for a client that keeps tokens itself. The lock holds until both are there."""
    with transaction.atomic():
        session = start(user, user_agent)
        return (session, issue_refresh_token(session)) if session else None


def issue_refresh_token(session: Session) -> str:
    token = secrets.token_urlsafe(32)
    RefreshToken.objects.create(session=session, token_hash=_hash(token))
    return token


def rotate(refresh: str) -> tuple[Session, str] | None:
    """The token's session with a new token in place of it; None where it is not accepted."""
    with transaction.atomic():
        family = Session.objects.live().filter(refresh_tokens__token_hash=_hash(refresh))
        if family.select_for_update(of=("self",)).first() is None:
            return None
        # Read under the lock, by a statement of its own: another one may have used it meanwhile.
        token = (
            RefreshToken.objects.select_related("session__user")
            .annotate(replayed=Q(used_at__lt=TransactionNow() - GRACE))
            .get(token_hash=_hash(refresh))
        )
        session = token.session
        if token.replayed:
            trail.record(Event.TOKEN_REPLAYED, session.user_id)
            Session.objects.filter(pk=session.pk).end()
            return None
        if not session.user.is_active:
            return None
        if token.used_at is None:
            # With the others of its place in the family, which graces gave out.
            session.refresh_tokens.filter(used_at=None).update(used_at=TransactionNow())
        extend(session)
        return session, issue_refresh_token(session)


def extend(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(
        last_used_at=TransactionNow(),
        expires_at=Least(TransactionNow() + IDLE_LIFETIME, F("created_at") + LIFETIME),
    )


def end(refresh: str) -> None:
    Session.objects.filter(refresh_tokens__token_hash=_hash(refresh)).end()


def _prune(user: User) -> None:
    """Deletes expired sessions, and tokens that are older than one that is not used can be.

    A used one that comes back after that is refused, and its family no longer ends with it.
    """
    user.sessions.filter(expires_at__lte=TransactionNow()).delete()
    RefreshToken.objects.filter(
        session__user=user, created_at__lt=TransactionNow() - IDLE_LIFETIME
    ).delete()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
