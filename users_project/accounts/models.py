"""Accounts and their sessions. Every committed change of a user leaves as an event: ``outbox``."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import (
    AbstractBaseUser,
    AnonymousUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest, Lower, Upper

from accounts.validators import UsernameValidator
from audit import trail


def set_for_transaction(name: str, value: str) -> None:
    """A setting that the triggers of ``users`` read, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


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

    def lock(self, key: Any) -> User | None:
        """The user of this key, or of a subquery's, whose row nobody else changes meanwhile."""
        return self.select_for_update(no_key=True).filter(pk__in=[key]).first()

    def sign_out(self) -> None:
        """Refuses every access token given out so far; a trigger then ends every session."""
        later = F("tokens_valid_after") + timedelta(microseconds=1)
        with trail.recorded():
            self.update(tokens_valid_after=Greatest(TransactionNow(), later))


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
    # The database keeps the next two: a trigger raises them with every change. Another one raises
    # tokens_valid_after with password and rights.
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
        indexes = [
            models.Index(fields=["created_at", "id"], name="users_created_at_id"),
            # What `icontains` asks: the admin's search.
            *(
                GinIndex(OpClass(Upper(field), "gin_trgm_ops"), name=f"users_{field}_parts")
                for field in ("username", "email")
            ),
        ]

    def check_password(self, raw_password: str | None) -> bool:
        """Also stores a better hash where Django knows one; that signs nobody out."""
        return check_password(raw_password, self.password, self._rehash)

    def _rehash(self, raw_password: str) -> None:
        former, self.password = self.password, make_password(raw_password)
        with transaction.atomic():
            set_for_transaction("accounts.same_password", self.password)
            # Not over a password that somebody has set meanwhile.
            User.objects.filter(pk=self.pk, password=former).update(password=self.password)

    def change_password(self, raw_password: str, keep: str = "") -> None:
        """Signs out everywhere, except from the session of the id ``keep``."""
        self.password = make_password(raw_password)
        with trail.recorded():
            set_for_transaction("accounts.kept_session", keep)
            User.objects.filter(pk=self.pk).update(password=self.password)


class PendingAddressQuerySet(models.QuerySet["PendingAddress"]):
    def live(self) -> PendingAddressQuerySet:
        return self.filter(created_at__gt=TransactionNow() - PendingAddress.LIFETIME)

    def for_email(self, email: str) -> PendingAddressQuerySet:
        return self.alias(any_case=Lower("email")).filter(any_case=Lower(Value(email)))


class PendingAddress(models.Model):
    """An e-mail address that waits to be confirmed: of who registers, or the next one of a user.

    A trigger deletes that of a user when the address changes, and with what signs out everywhere.

    Attributes:
        user: none for who registers, and is a user once the address is confirmed.
        username, password: of who registers, the latter as its hash; nobody else has them here.
    """

    LIFETIME = timedelta(days=3)

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    user = models.OneToOneField(User, models.DO_NOTHING, null=True, related_name="pending_address")
    email = models.EmailField(max_length=255)
    username = models.CharField(max_length=100, db_default="")
    password = models.CharField(max_length=255, db_default="")
    created_at = models.DateTimeField(db_default=TransactionNow())

    objects = PendingAddressQuerySet.as_manager()

    class Meta:
        db_table = "pending_addresses"
        verbose_name_plural = "pending addresses"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None, username__gt="", password__gt="")
                | models.Q(user__isnull=False, username="", password=""),
                name="pending_addresses_of_user_or_new",
            )
        ]
        indexes = [models.Index(Lower("email"), name="pending_addresses_any_case")]

    def __str__(self) -> str:
        return f"of user {self.user_id}" if self.user_id else f"{self.id}, of who registers"


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self) -> SessionQuerySet:
        return self.filter(ended_at=None, expires_at__gt=TransactionNow())

    def end(self) -> int:
        with trail.recorded():
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
