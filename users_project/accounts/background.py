"""Work that no request waits for, such as mail.

So a slow mail server holds up nobody, and how long an answer takes tells nothing of what was done.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from threading import BoundedSemaphore

import structlog
from django.db import connections

from config.errors import ServiceUnavailable

logger = structlog.get_logger(__name__)

LIMIT = 100
"""So much may wait in a process. It is done before the process stops, and lost if it is killed."""

_threads = ThreadPoolExecutor(2, "background")
_room = BoundedSemaphore(LIMIT)


def run(work: Callable[[], None]) -> None:
    """Raises ServiceUnavailable where too much waits already."""
    if not _room.acquire(blocking=False):
        raise ServiceUnavailable
    context = copy_context()
    done = _threads.submit(context.run, _with_connections_of_its_own, work)
    done.add_done_callback(partial(_finish, context))


def _with_connections_of_its_own(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connections.close_all()


def _finish(context: Context, done: Future[None]) -> None:
    _room.release()
    error = done.exception()
    if error:
        # Not the error itself: those of mail servers name addresses.
        context.run(logger.error, "background_work_failed", reason=type(error).__name__)
