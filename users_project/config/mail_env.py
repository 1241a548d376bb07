"""Where mail goes and whom it is from, read from the environment."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from config.env import Environment

# Whether a URL of the scheme has a host, and a path; and the port of one without.
_MAIL_URLS = {
    "smtp": (True, False, 25),
    "smtp+tls": (True, False, 587),
    "smtp+ssl": (True, False, 465),
    "filemail": (False, True, 0),
    "consolemail": (False, False, 0),
}


class MailEnvironment(Environment):
    def mail_server(self, name: str, default: str) -> dict[str, Any]:
        """A mail server's URL as Django's ``EMAIL_*`` settings."""

        def parse(raw: str) -> dict[str, Any]:
            url = urlsplit(raw)
            # A server or a folder, as the scheme has it, and nothing else. `port` may raise.
            *parts, port = _MAIL_URLS[url.scheme]
            given = [bool(url.hostname), len(url.path) > 1]
            if given != parts or url.query or url.fragment or url.port == 0:
                raise ValueError
            config: dict[str, Any] = environ.Env.email_url_config(raw)
            # django-environ drops the first slash.
            return {**config, "EMAIL_FILE_PATH": url.path or None, "EMAIL_PORT": url.port or port}

        hint = "A URL like smtp+tls://user:password@host:587, filemail:///folder or consolemail://."
        return self._read(name, parse(default), parse, hint) or {}

    def address(self, name: str, default: str) -> str:
        """An e-mail address, with or without a name before it in angle brackets."""

        def parse(raw: str) -> str:
            try:
                validate_email(parseaddr(raw)[1])
            except ValidationError:
                raise ValueError from None
            if not raw.isprintable():
                raise ValueError
            return raw

        return self._read(name, default, parse, "Like Notes <notes@example.com>.") or ""
