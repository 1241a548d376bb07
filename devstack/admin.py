"""The staff account of the stack, whose random password is kept in the stack's folder."""

from __future__ import annotations

from pathlib import Path

import psycopg

from devstack.environment import secret
from devstack.external import libpq_url
from devstack.processes import Children
from devstack.services import manage

USERNAME = "admin"


def ensure(children: Children, environment: dict[str, str], folder: Path) -> None:
    """Creates the account where users_db has none of this name."""
    with psycopg.connect(libpq_url(environment["USERS_DATABASE_URL"])) as connection:
        query = "SELECT 1 FROM users WHERE lower(username) = %s"
        if connection.execute(query, [USERNAME]).fetchone():
            return
    account = {
        "DJANGO_SUPERUSER_USERNAME": USERNAME,
        "DJANGO_SUPERUSER_EMAIL": "admin@localhost.localdomain",
        "DJANGO_SUPERUSER_PASSWORD": secret(password_file(folder)),
    }
    manage(children, "users", ["createsuperuser --no-input"], environment | account)


def password_file(folder: Path) -> Path:
    return folder / "admin-password"
