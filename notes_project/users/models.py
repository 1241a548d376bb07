"""Shadow users: what this service knows of the accounts. They change by events and tokens alone."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class User(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Not unique: two users who swap names may arrive in either order.
    username = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=TransactionNow())
    # 0 is "never heard of": any event or token is newer.
    version = models.BigIntegerField(db_default=0)
    is_active = models.BooleanField("active", db_default=True)
    tokens_valid_after = models.DateTimeField(db_default=TransactionNow())

    # Nobody signs in here; Django asks for a unique field all the same.
    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_anonymous = False
    is_authenticated = True
    # Staff is a claim of the access token: TokenAuthentication sets it on the instance.
    is_staff = False

    class Meta:
        db_table = "users"
        verbose_name = "shadow user"

    def __str__(self) -> str:
        return self.username

    def get_username(self) -> str:
        return self.username

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class DeletedUser(models.Model):
    """The tombstone of a deleted user: nothing that arrives late may bring the user back."""

    id = models.UUIDField(primary_key=True, editable=False)
    version = models.BigIntegerField()
    deleted_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "deleted_users"

    def __str__(self) -> str:
        return str(self.id)
