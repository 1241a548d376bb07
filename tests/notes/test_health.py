import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
ALL_OK = {"database": "ok", "migrations": "ok", "token_keys": "ok"}


def readyz():
    response = APIClient().get("/readyz/notes")
    assert response["Content-Type"] == "application/json"
    assert "no-store" in response["Cache-Control"]
    return response.status_code, response.json()


def test_ready(issuer):
    assert readyz() == (200, {"status": "ok", "parts": ALL_OK})


def test_it_reads_only(issuer):
    assert APIClient().head("/readyz/notes").status_code == 200
    response = APIClient().post("/readyz/notes", headers={"accept": "application/json"})
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"


def test_a_dead_database(issuer, monkeypatch, log):
    attempts = []

    def fail(*args, **kwargs):
        attempts.append(args)
        raise OperationalError("connection to server at 10.1.2.3 failed: password for ada")

    monkeypatch.setattr(connection, "cursor", fail)
    parts = {**ALL_OK, "database": "unavailable", "migrations": "unavailable"}
    assert readyz() == (503, {"status": "unavailable", "parts": parts})
    assert len(attempts) == 1
    assert '"not_ready"' in log.getvalue()
    assert "10.1.2.3" not in log.getvalue()


def test_a_migration_that_is_not_applied(issuer):
    MigrationRecorder(connection).record_unapplied("notes", "0003_updated_at")
    parts = {**ALL_OK, "migrations": "unavailable"}
    assert readyz() == (503, {"status": "unavailable", "parts": parts})


def test_no_keys(issuer):
    issuer.status = 500
    parts = {**ALL_OK, "token_keys": "unavailable"}
    assert readyz() == (503, {"status": "unavailable", "parts": parts})


def test_it_takes_three_queries(issuer, django_assert_num_queries):
    readyz()
    with django_assert_num_queries(3):  # one looks whether the table of migrations is there
        readyz()
