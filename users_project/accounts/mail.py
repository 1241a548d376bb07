"""Mail to users. No request waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts import background
from config.errors import ServiceUnavailable

logger = structlog.get_logger(__name__)


def send_later(kind: str, to: str, **context: Any) -> None:
    later(kind, lambda: send(kind, to, **context))


def later(kind: str, send: Callable[[], None]) -> None:
    """For a mail that tells of something done, or can be asked for again: too many drop it."""
    try:
        background.run(send)
    except ServiceUnavailable:
        logger.error("mail_dropped", kind=kind)


def send(kind: str, to: str, **context: Any) -> None:
    """The text of ``accounts/mail/KIND.txt``, whose first line is the subject.

    Raises OSError; smtplib's errors are some.
    """
    given = {"origin": settings.GATEWAY_URL, **context}
    subject, _, text = render_to_string(f"accounts/mail/{kind}.txt", given).partition("\n")
    send_mail(subject, text.lstrip("\n"), None, [to])


def link(path: str, token: str) -> str:
    """To a page of the gateway, whatever the request's Host header says.

    Logs leave out the query, here and in the gateway.
    """
    return f"{settings.GATEWAY_URL}{path}?token={token}"
