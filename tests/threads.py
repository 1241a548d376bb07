"""For the suites of both projects: threads, each with a database connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from devstack.processes import wait_until


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
    """Returns when another connection waits for a lock of this one."""
    query = (
        "SELECT count(*) FROM pg_locks"
        " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )

    def blocked():
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]

    assert wait_until(blocked, 10, every=0.01), "Nothing waits for a lock."


def lose_connection():
    """The server ends this thread's connection, as when it is restarted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    in_thread(lambda: _terminate(pid)).result(20)


def _terminate(pid):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        assert cursor.fetchone()[0]


def _closing(call):
    try:
        return call()
    finally:
        connection.close()
