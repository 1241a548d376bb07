"""What is refused with another status than 400: nothing is wrong with the request itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError
from rest_framework import serializers, status

from accounts.models import User
from audit import trail


class WrongPassword(serializers.ValidationError):
    """Nothing is wrong with the request: who makes it may not."""

    status_code = status.HTTP_403_FORBIDDEN


class Taken(serializers.ValidationError):
    status_code = status.HTTP_409_CONFLICT

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(errors, "taken")
        self.text = " ".join(errors.values())


class InvalidLink(serializers.ValidationError):
    """The token of a link, not the request, is to blame: it is used, replaced or too old."""

    status_code = status.HTTP_403_FORBIDDEN

    def __init__(self) -> None:
        super().__init__({"token": "This link does not hold any more."}, code="invalid_link")


def taken(given: Mapping[str, str], user: User | None = None) -> Taken | None:
    """Names all of the e-mail address and the username that somebody else has."""
    others = User.objects.exclude(pk=user.pk) if user else User.objects.all()
    found = []
    if "email" in given and others.with_email(given["email"]).exists():
        found.append("email")
    if "username" in given and others.with_username(given["username"]).exists():
        found.append("username")
    return Taken({name: f"This {name} is taken." for name in found}) if found else None


@contextmanager
def taken_as_field_error(given: Mapping[str, str], user: User | None = None) -> Iterator[None]:
    """One transaction. Raises Taken where a constraint found it: so in a race as well.

    Args:
        given: what is written.
        user: whose it is.
    """
    try:
        with trail.recorded():
            yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        column = re.match(r"users_(email|username)_(any_case|key)$", constraint or "")
        if column is None:
            raise
        # The constraint names but one. Whose it was may have given it up meanwhile.
        one = Taken({column[1]: f"This {column[1]} is taken."})
        raise (taken(given, user) or one) from None
