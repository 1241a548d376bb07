"""The settings that the stack gives to the two projects; .env.example lists them all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from devstack.ports import Ports
from devstack.postgres import write_secret

_OF_THIS_PROCESS = ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")


def settings(
    folder: Path, ports: Ports, *, users_database: str, notes_database: str, kafka: str
) -> dict[str, str]:
    """All variables of a stack, secrets among them: these are made where they are missing.

    Args:
        folder: the stack's.
        users_database: the URL; so is notes_database.
        kafka: the bootstrap servers.
    """
    users = f"127.0.0.1:{ports.users}"
    return {
        "GATEWAY_URL": ports.gateway_url,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "KAFKA_TOPIC": os.environ.get("KAFKA_TOPIC") or "user-events",
        "LOG_FORMAT": os.environ.get("LOG_FORMAT") or "console",
        "COMPARISON_SECRET": secret(folder / "comparison-secret"),
        "USERS_SECRET_KEY": secret(folder / "users-secret-key"),
        "USERS_DATABASE_URL": users_database,
        "USERS_SIGNING_KEYS_DIR": str(folder / "signing-keys"),
        "USERS_BIND": users,
        "NOTES_SECRET_KEY": secret(folder / "notes-secret-key"),
        "NOTES_DATABASE_URL": notes_database,
        "NOTES_JWKS_URL": f"http://{users}/.well-known/jwks.json",
        "NOTES_JWKS_FILE": str(folder / "jwks.json"),
        "NOTES_BIND": f"127.0.0.1:{ports.notes}",
    }


def of_project(project: str, stack: dict[str, str]) -> dict[str, str]:
    """The environment of one project's process: this one's and the stack's, less the other's.

    Args:
        project: ``users`` or ``notes``.
    """
    other = "NOTES_" if project == "users" else "USERS_"
    merged = {**os.environ, **stack, "PYTHONUNBUFFERED": "1"}
    return {
        name: value
        for name, value in merged.items()
        if not name.startswith(other) and name not in _OF_THIS_PROCESS
    }


def secret(path: Path) -> str:
    """The random text kept in a file, made at the first call."""
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(48))
    return path.read_text().strip()
