"""Whose notes a command is about."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from users.models import User


def user_named(name: str) -> User:
    """The user of this name or id. Raises CommandError."""
    found = list(User.objects.filter(username=name).order_by("id")[:2])
    if not found and (user_id := _uuid(name)):
        found = list(User.objects.filter(id=user_id))
    if not found:
        raise CommandError(
            f"There is no user {name}. Names are as in users_project; an id will do."
        )
    if len(found) > 1:
        ids = ", ".join(str(user.id) for user in found)
        raise CommandError(f"Several users are named {name}. Give an id: {ids}, …")
    return found[0]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
