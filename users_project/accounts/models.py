"""The account. Every committed change of a row leaves as an event: see the triggers in ``outbox``."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, email: str, password: str, **fields: Any) -> User:
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str, password: str, **fields: Any) -> User:
        return self.create_user(
            username, email, password, is_staff=True, is_superuser=True, **fields
        )


class User(AbstractBaseUser, PermissionsMixin):
    # Python makes the key as well: bulk_create and admin inlines need it before the insert.
    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    email = models.EmailField("e-mail address", max_length=255, unique=True)
    username = models.CharField(
        max_length=100, unique=True, validators=[UnicodeUsernameValidator()]
    )
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
