"""Threads with a database connection of their own each."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection


def in_thread(call):
    """Starts ``call`` and returns its future; closes its connection when it is done."""
    executor = ThreadPoolExecutor(1)
    future = executor.submit(_closing, call)
    executor.shutdown(wait=False)
    return future


def at_once(call, count):
    """The results of ``call(0)`` … ``call(count - 1)``, which all start at the same moment."""
    barrier = Barrier(count)

    def wait_and_call(number):
        barrier.wait(10)
        return call(number)

    futures = [in_thread(lambda number=number: wait_and_call(number)) for number in range(count)]
    return [future.result(30) for future in futures]


def wait_until_blocked():
    """Returns when some statement waits for a lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(query)
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("Nothing waits for a lock.")


def _closing(call):
    try:
        return call()
    finally:
        connection.close()
