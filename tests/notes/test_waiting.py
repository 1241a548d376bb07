"""A database that does not answer is given up, and the next query has another connection."""

import pytest
from django.db import OperationalError, connection, transaction

from config.postgresql.base import Connection, _is_quiet
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
