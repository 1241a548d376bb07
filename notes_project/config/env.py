"""Typed readers of the environment, on django-environ.

django-environ alone reads a mistyped boolean as False, keeps the blanks in a list and takes a
leading ``$`` for another variable's name. These readers refuse or keep such values, and gather
every problem, so that a start names all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

SECRET_LENGTH = 50  # characters, as Django's own check security.W009 asks
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Environment:
    """Reads variables, each also from the file that ``NAME_FILE`` names.

    Args:
        service: the first part of the check ids, for example ``users``.
        variables: where to read from; ``os.environ`` by default.
    """

    def __init__(self, service: str, variables: dict[str, str] | None = None) -> None:
        self._service = service
        self._variables = environ.FileAwareEnv.ENVIRON if variables is None else variables
        self._problems: list[str] = []

    def text(self, name: str, default: str | None = None, *, hint: str = "") -> str:
        return self._read(name, default, str, hint or "Give it a value.") or ""

    def secret(self, name: str, default: str | None = None) -> str:
        """Random text that nobody guesses; no problem names the value."""

        def parse(raw: str) -> str:
            if len(raw) < SECRET_LENGTH:
                raise ValueError
            return raw

        hint = f"{SECRET_LENGTH} or more random characters: `openssl rand -base64 48`."
        return self._read(name, default, parse, hint) or ""

    def origin(self, name: str, *, hint: str) -> str:
        """Scheme and host of a web address, as a browser's Origin header has them."""

        return self._read(name, None, _origin, hint) or ""

    def origins(self, name: str, default: str) -> list[str]:
        def parse(raw: str) -> list[str]:
            return [_origin(part.strip()) for part in raw.split(",") if part.strip()]

        hint = "Origins like https://app.example, with commas between them."
        return self._read(name, parse(default), parse, hint) or []

    def integer(self, name: str, default: int, *, minimum: int = 1) -> int:
        def parse(raw: str) -> int:
            value = int(raw)
            if value < minimum:
                raise ValueError
            return value

        return self._read(name, default, parse, f"A whole number of at least {minimum}.") or default

    def boolean(self, name: str, default: bool) -> bool:
        value = self._read(name, default, lambda raw: _BOOLEANS[raw.lower()], "true or false.")
        return default if value is None else value

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        def parse(raw: str) -> str:
            if raw not in choices:
                raise ValueError
            return raw

        return self._read(name, default, parse, f"One of: {', '.join(choices)}.") or default

    def texts(self, name: str, default: list[str]) -> list[str]:
        def parse(raw: str) -> list[str]:
            return [part.strip() for part in raw.split(",") if part.strip()]

        return self._read(name, default, parse, "Values with commas between them.") or []

    def database(self, name: str) -> dict[str, Any]:
        """A PostgreSQL URL as Django's ``DATABASES`` entry; an empty one after a problem."""

        def parse(raw: str) -> dict[str, Any]:
            # Of a scheme that it does not know, django-environ prints the URL, password and all.
            if urlsplit(raw).scheme not in ("postgres", "postgresql", "psql", "pgsql"):
                raise ValueError
            config: dict[str, Any] = dict(environ.Env.db_url_config(raw))
            config["ENGINE"] = "config.postgresql"
            if not config.get("NAME"):
                raise ValueError
            # A server that is gone is noticed within seconds, by a new and by an open connection.
            limits = {"connect_timeout": 3, "tcp_user_timeout": 5000}
            config["OPTIONS"] = {**limits, **config.get("OPTIONS", {})}
            return config

        hint = "A URL like postgres://user:password@host:5432/name."
        return self._read(name, None, parse, hint) or {}

    def require_valid(self) -> None:
        """Raises ImproperlyConfigured with one line for each problem found so far."""
        if self._problems:
            raise ImproperlyConfigured(
                "The settings are not complete:\n  " + "\n  ".join(self._problems)
            )

    def _read(self, name: str, default: T | None, parse: Callable[[str], T], hint: str) -> T | None:
        try:
            raw = self._variables.get(name, "").strip()
        except OSError as error:
            self._problems.append(f"{self._service}.E003 {name}_FILE: {error.strerror}. {hint}")
            return default
        if not raw:
            if default is None:
                self._problems.append(f"{self._service}.E001 {name} is not set. {hint}")
            return default
        try:
            return parse(raw)
        except (ValueError, KeyError, ImproperlyConfigured):
            self._problems.append(f"{self._service}.E002 {name} cannot be read. {hint}")
            return default


def _origin(raw: str) -> str:
    text = raw.lower().removesuffix("/")
    url = urlsplit(text)
    # What remains besides them is a path, a query or a fragment. `port` may raise.
    if text != f"{url.scheme}://{url.netloc}" or "@" in text or url.port == 0:
        raise ValueError
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError
    return text
