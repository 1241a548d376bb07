"""Structured logs: one JSON object a line on standard output, or plain text for a terminal."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from structlog.typing import EventDict, WrappedLogger

logger = structlog.get_logger(__name__)

_ADDRESS = re.compile(r"[^/]*@[^/]*")
# PostgreSQL puts whole rows and key values, so e-mail addresses and hashes, into these lines.
_DATABASE_DETAIL = re.compile(r"^(DETAIL|CONTEXT|QUERY|LINE \d+):.*$", re.MULTILINE)
# What differs in a line of librdkafka each time.
_COUNTED = re.compile(r"\(after .*\)|\d+")
# Seconds without a line, after which it is news again.
QUIET = 60.0


def drop_database_details(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if "exception" in event:
        event["exception"] = _DATABASE_DETAIL.sub(r"\1: (left out)", event["exception"])
    return event


def drop_tracebacks_of_refusals(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A request that Django refuses, such as one for a foreign host, is no error of this code."""
    if event.get("logger", "").startswith("django.security."):
        event.pop("exc_info", None)
    return event


class RequestLog:
    """Middleware: a line for each request, whose id is in every line that the request causes.

    Without what a person may have written: the query string, and a segment of the path that holds
    an e-mail address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_log_failure)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # The gateway makes the id of each request, and lets none of a client pass.
        request_id = request.headers.get("X-Request-ID") or str(uuid4())
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        code = response.status_code
        level = logging.ERROR if code >= 500 else logging.WARNING if code >= 400 else logging.INFO
        logger.log(level, "request_finished", code=code, request=_line_of(request))
        if isinstance(response, StreamingHttpResponse):
            content: Any = response.streaming_content
            response.streaming_content = _streamed(content, structlog.contextvars.get_contextvars())
        structlog.contextvars.clear_contextvars()
        return response


def _line_of(request: HttpRequest) -> str:
    return f"{request.method} {_ADDRESS.sub('(left out)', request.path)}"


def _log_failure(sender: Any, request: HttpRequest, **_: Any) -> None:
    logger.exception("request_failed", request=_line_of(request))


def _streamed(content: Iterable[bytes], context: Mapping[str, Any]) -> Iterator[bytes]:
    with structlog.contextvars.bound_contextvars(**context):
        try:
            yield from content
        except Exception:
            logger.exception("streaming_failed")
            raise
        logger.info("streaming_finished")


class News(logging.Filter):
    """Lets a line pass that is not like one before: who cannot connect says so at each attempt."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line, now = _COUNTED.sub("", record.getMessage()), self._clock()
        before = self._seen.get(line)
        self._seen[line] = now
        return before is None or now - before > QUIET


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
        "filters": {"news": {"()": News}},
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
            "librdkafka": {"filters": ["news"]},
            # Its warnings are of errors that it passes over: an exception is on its way already.
            "psycopg": {"level": "ERROR"},
        },
    }
