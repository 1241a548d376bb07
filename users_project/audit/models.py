"""Who did what to which account, and when. Entries are added, and neither changed nor deleted.

Triggers write those of what changes in the database, whoever changes it; ``trail`` the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Q


class Event(models.TextChoices):
    REGISTERED = "registered"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    WRONG_PASSWORD = "wrong_password", "wrong password, asked again"
    TOKEN_REPLAYED = "token_replayed", "used refresh token sent again"
    SESSION_ENDED = "session_ended"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    PASSWORD_RESET_MAILED = "password_reset_mailed", "mail to reset the password"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    CONFIRMATION_MAILED = "confirmation_mailed", "mail to confirm an address"
    EMAIL_CONFIRMED = "email_confirmed", "e-mail address confirmed"
    EMAIL_CHANGED = "email_changed", "e-mail address changed"
    USERNAME_CHANGED = "username_changed"
    DEACTIVATED = "deactivated"
    ACTIVATED = "activated"
    STAFF_GRANTED = "staff_granted"
    STAFF_WITHDRAWN = "staff_withdrawn"
    SUPERUSER_GRANTED = "superuser_granted"
    SUPERUSER_WITHDRAWN = "superuser_withdrawn"
    RIGHTS_CHANGED = "rights_changed", "groups or permissions changed"
    EXPORTED = "exported"
    DELETED = "deleted"


class EntryQuerySet(models.QuerySet["Entry"]):
    def about(self, users: Iterable[UUID]) -> EntryQuerySet:
        """What was done to these users, and by them."""
        ids = list(users)
        return self.filter(Q(user__in=ids) | Q(actor__in=ids))


class Entry(models.Model):
    """Holds no name, address or secret: nothing personal is left of who is deleted.

    Attributes:
        user: whose account it is; none where somebody signs in by a name that nobody has, or has to
            confirm an address to have one.
        actor: who was signed in and did it; none for whoever has a mail's link or a refresh token,
            or registers.
        session_id: the one that began or ended.
        request_id: as in the logs; empty for what no request did, but a command or SQL.
    """

    at = models.DateTimeField(db_default=TransactionNow())
    event = models.CharField(max_length=32, choices=Event)
    # Both outlive the users, so they are no constraints.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        verbose_name="account",
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        verbose_name="by",
    )
    session_id = models.UUIDField("session", null=True)
    request_id = models.CharField("request", max_length=64, db_default="")

    objects = EntryQuerySet.as_manager()

    class Meta:
        db_table = "audit_log"
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["user", "id"], name="audit_log_user"),
            models.Index(fields=["actor", "id"], name="audit_log_actor"),
            models.Index(fields=["event", "id"], name="audit_log_event"),
            models.Index(fields=["at"], name="audit_log_at"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.event} {self.user_id}"
