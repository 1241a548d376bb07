"""Structured logs: one JSON object a line on standard output, or plain text for a terminal."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import Any

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware
from structlog.typing import EventDict, WrappedLogger

_ADDRESS = re.compile(r"[^/]*@[^/]*")
# PostgreSQL puts whole rows and key values, so e-mail addresses and hashes, into these lines.
_DATABASE_DETAIL = re.compile(r"^(DETAIL|CONTEXT|QUERY|LINE \d+):.*$", re.MULTILINE)


def drop_database_details(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if "exception" in event:
        event["exception"] = _DATABASE_DETAIL.sub(r"\1: (left out)", event["exception"])
    return event


def drop_tracebacks_of_refusals(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A request that Django refuses, such as one for a foreign host, is no error of this code."""
    if event.get("logger", "").startswith("django.security."):
        event.pop("exc_info", None)
    return event


class RequestLog(RequestMiddleware):
    """django-structlog's middleware, without what a person may have written.

    That is the query string, and a segment of the path that holds an e-mail address.
    """

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {_ADDRESS.sub('(left out)', request.path)}"


class Logger:
    """Writes the lines of structlog's loggers, past the standard library's, which is far slower."""

    stream = sys.stdout

    def __init__(self, name: str = "") -> None:
        self.name = name

    def write(self, line: str) -> None:
        # As the standard library does it: work goes on where no log can be written.
        with suppress(OSError):
            self.stream.write(f"{line}\n")
            self.stream.flush()

    debug = info = warning = error = critical = write


_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    drop_tracebacks_of_refusals,
    structlog.processors.format_exc_info,
    drop_database_details,
]


def configure(level: str, log_format: str) -> dict[str, Any]:
    """Sets structlog up and returns the matching ``LOGGING`` dictionary.

    Args:
        level: a level name of the standard library.
        log_format: ``json`` or ``console``.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[*_shared, renderer],
        logger_factory=Logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                # The records of other packages: their message is made of arguments.
                "foreign_pre_chain": [structlog.stdlib.PositionalArgumentsFormatter(), *_shared],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "structured",
            }
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            # At DEBUG it writes each statement with its values.
            "django.db.backends": {"level": "INFO"},
            # RequestLog writes a line for each request already.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "propagate": True},
        },
    }
