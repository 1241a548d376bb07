"""Servers that are not the stack's own: named by environment variables, used instead of them."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg

from devstack.errors import DevstackError
from devstack.kafka import answers
from devstack.processes import wait_until

KAFKA = "KAFKA_BOOTSTRAP_SERVERS"
USERS_DATABASE = "USERS_DATABASE_URL"
NOTES_DATABASE = "NOTES_DATABASE_URL"
VARIABLES = (USERS_DATABASE, NOTES_DATABASE, KAFKA)


def require(variable: str, value: str) -> None:
    """Raises DevstackError when the server that the variable names does not answer."""
    if variable == KAFKA:
        _require_kafka(value)
    else:
        _require_database(variable, value)


def _require_kafka(servers: str) -> None:
    if not wait_until(lambda: answers(servers), 5):
        raise DevstackError(
            f"{KAFKA}: no Kafka broker answers at {servers}. "
            "Start it, or unset the variable to use the embedded one."
        )


def _require_database(variable: str, url: str) -> None:
    try:
        psycopg.connect(libpq_url(url), connect_timeout=5).close()
    except (psycopg.Error, ValueError) as error:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2] + parts.path
        raise DevstackError(
            f"{variable}: no connection to the PostgreSQL database at {place}. "
            "Start it, correct the variable, or unset it to use the embedded one."
        ) from error


def libpq_url(url: str) -> str:
    """The URL with the scheme that libpq knows; Django's settings take others too, as `psql`."""
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql"))
