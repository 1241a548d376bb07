"""A database that does not answer is given up, and the next query has another connection."""

import threading

import pytest
from django.db import InternalError, OperationalError, connection, transaction

from config.postgresql import base
from config.postgresql.base import (
    LIMITS,
    Connection,
    DatabaseWrapper,
    _is_quiet,
    limit_answers,
)
from devstack.processes import wait_until
from tests.threads import in_thread, lose_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient(monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr(Connection, "answer_within", 0.2)


def ask(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def stay_silent():
    with transaction.atomic():
        ask("SELECT pg_sleep(60)")


@pytest.mark.usefixtures("impatient")
def test_a_silent_server_is_an_operational_error_and_the_connection_is_gone():
    (before,) = ask("SELECT pg_backend_pid()")
    with pytest.raises(OperationalError, match="did not answer within"):
        stay_silent()
    (after,) = ask("SELECT pg_backend_pid()")
    assert before != after
    ask(f"SELECT pg_terminate_backend({before}, 10000)")  # It still sleeps.


@pytest.mark.usefixtures("impatient")
def test_a_wait_with_a_time_of_its_own_keeps_the_connection():
    (before,) = ask("SELECT pg_backend_pid()")
    assert list(connection.connection.notifies(timeout=0.5)) == []
    assert ask("SELECT pg_backend_pid()") == (before,)


def test_without_a_limit_a_statement_may_take_its_time():
    assert ask("SELECT pg_sleep(0.3)") is not None


@pytest.mark.usefixtures("impatient")
def test_a_block_may_allow_more_and_nothing_after_it():
    with connection.connection.allowing(60):
        assert ask("SELECT pg_sleep(0.5)") is not None
    with pytest.raises(OperationalError, match="did not answer within"), transaction.atomic():
        ask("SELECT pg_sleep(0.5)")
    assert ask("SELECT 1") == (1,)


def test_a_connection_that_was_lost_between_requests_is_replaced_before_it_is_used():
    (before,) = ask("SELECT pg_backend_pid()")
    lose_connection()
    begin_request()
    (after,) = ask("SELECT pg_backend_pid()")
    assert before != after


def test_a_connection_that_is_well_is_not_asked_for_it(monkeypatch):
    begin_request()
    waits = []
    monkeypatch.setattr(Connection, "wait", lambda *args: waits.append(args))
    connection.close_if_health_check_failed()
    assert connection.health_check_done
    assert waits == []


def test_a_connection_that_was_told_something_stays():
    (before,) = ask("SELECT pg_backend_pid()")
    with connection.cursor() as cursor:
        cursor.execute("LISTEN something")
    in_thread(lambda: ask("SELECT pg_notify('something', '')::text")).result(10)
    assert wait_until(lambda: not _is_quiet(connection.connection), 10)
    begin_request()
    assert ask("SELECT pg_backend_pid()") == (before,)


def test_a_connection_with_a_statement_that_has_not_ended_is_replaced():
    """As one whose server said that it ends it, and has not hung up yet."""
    (before,) = ask("SELECT pg_backend_pid()")
    connection.connection.pgconn.send_query(b"SELECT pg_sleep(60)")
    begin_request()
    assert ask("SELECT pg_backend_pid()") != (before,)
    ask(f"SELECT pg_terminate_backend({before}, 10000)")


def begin_request():
    """As Django's signal does it, which tests do not get."""
    connection.ensure_connection()
    assert connection.health_check_enabled
    connection.health_check_done = False


@pytest.fixture
def limited(monkeypatch):
    """New connections have the limits of workers and web servers, in a tenth of the time."""
    monkeypatch.setattr(Connection, "answer_within", None)
    monkeypatch.setattr(DatabaseWrapper, "session", {})
    limit_answers()
    assert DatabaseWrapper.session == LIMITS
    ended = dict.fromkeys(("statement_timeout", "idle_in_transaction_session_timeout"), "300ms")
    monkeypatch.setattr(DatabaseWrapper, "session", LIMITS | ended)
    monkeypatch.setattr(base, "TRANSACTION_LIMIT", "2s")


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("pipeline", [False, True])
def test_the_locks_of_one_that_hangs_in_a_transaction_are_freed(pipeline):
    def hang():
        with transaction.atomic():
            # Older servers have no limit to a transaction.
            if pipeline and connection.pg_version >= 17_00_00:
                connection.connection.pipeline().__enter__()
            ask("SELECT pg_advisory_xact_lock(4711)")
            taken.set()
            released.wait()
            ask("SELECT 1")

    taken, released = threading.Event(), threading.Event()
    hanging = in_thread(hang)
    assert taken.wait(10)
    assert wait_until(lambda: ask("SELECT pg_try_advisory_lock(4711)") == (True,), 10)
    released.set()
    with pytest.raises(InternalError, match="terminating connection"):
        hanging.result(10)
