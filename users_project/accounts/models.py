"""Accounts and their sessions. Every committed change of a user leaves as an event: ``outbox``."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    AnonymousUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest, Lower

from accounts.validators import UsernameValidator


class UserQuerySet(models.QuerySet["User"]):
    def create_user(self, username: str, email: str, password: str, **fields: Any) -> User:
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self.db)
        return user

    def create_superuser(self, username: str, email: str, password: str, **fields: Any) -> User:
        return self.create_user(
            username, email, password, is_staff=True, is_superuser=True, **fields
        )

    def visible_to(self, user: User | AnonymousUser) -> UserQuerySet:
        if user.pk is None:
            return self.none()
        return self.all() if user.is_staff else self.filter(pk=user.pk)

    def with_username(self, username: str) -> UserQuerySet:
        """The user of this name in any letter case, compared as the unique index does."""
        name = self.model.normalize_username(username)
        return self.alias(any_case=Lower("username")).filter(any_case=Lower(Value(name)))

    def with_email(self, email: str) -> UserQuerySet:
        return self.alias(any_case=Lower("email")).filter(any_case=Lower(Value(email)))

    def sign_out(self, keep: uuid.UUID | str | None = None, **changes: Any) -> None:
        """Refuses every access token given out so far, and ends every session except ``keep``.

        ``changes`` are made to the users by the same statement, so that one event tells it all.
        """
        users = list(self.values_list("pk", flat=True))
        with transaction.atomic():
            # Users first: whoever signs in at this moment holds the row, and its session is seen.
            # Never back, whatever the clock does: a token carries the value, not a time to compare.
            later = F("tokens_valid_after") + timedelta(microseconds=1)
            valid_after = Greatest(TransactionNow(), later)
            User.objects.filter(pk__in=users).update(tokens_valid_after=valid_after, **changes)
            sessions = Session.objects.filter(user__in=users)
            (sessions.exclude(pk=keep) if keep else sessions).end()


UserManager = BaseUserManager.from_queryset(UserQuerySet)


class User(AbstractBaseUser, PermissionsMixin):
    # Python makes the key as well: bulk_create and admin inlines need it before the insert.
    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    email = models.EmailField("e-mail address", max_length=255, unique=True)
    username = models.CharField(max_length=100, unique=True, validators=[UsernameValidator()])
    password = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    # The database keeps the next two: a trigger raises them with every change.
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    version = models.BigIntegerField(db_default=1, editable=False)
    is_active = models.BooleanField("active", db_default=True)
    is_staff = models.BooleanField("staff", db_default=False)
    is_superuser = models.BooleanField("superuser", db_default=False)
    tokens_valid_after = models.DateTimeField(db_default=TransactionNow(), editable=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = [
            models.UniqueConstraint(Lower("email"), name="users_email_any_case"),
            models.UniqueConstraint(Lower("username"), name="users_username_any_case"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="users_version_from_1"),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="users_created_at_id")]


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self) -> SessionQuerySet:
        return self.filter(ended_at=None, expires_at__gt=TransactionNow())

    def end(self) -> int:
        return self.filter(ended_at=None).update(ended_at=TransactionNow())


class Session(models.Model):
    """One sign-in: the family of its refresh tokens, and the ``sid`` of its access tokens."""

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    user = models.ForeignKey(User, models.DO_NOTHING, related_name="sessions")
    created_at = models.DateTimeField(db_default=TransactionNow())
    last_used_at = models.DateTimeField(db_default=TransactionNow())
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=255, db_default="")

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "sessions"

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(models.Model):
    session = models.ForeignKey(Session, models.DO_NOTHING, related_name="refresh_tokens")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=TransactionNow())
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "refresh_tokens"

    def __str__(self) -> str:
        return f"of session {self.session_id}"
