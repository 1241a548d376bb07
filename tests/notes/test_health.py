import socket

import pytest
from django.db import connection
from rest_framework.test import APIClient

from config import health

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


def test_a_database_that_is_not_there(issuer, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    parts = {**ALL_OK, "database": "unavailable", "migrations": "unknown"}
    assert readyz() == (503, {"status": "unavailable", "parts": parts})


def test_a_database_that_hangs(issuer, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setitem(connection.settings_dict, "PORT", silent.getsockname()[1])
        assert readyz()[1]["parts"]["database"] == "unavailable"
        # It answered while the server was silent, and waited for it once.
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_the_database_is_asked_once_a_second(issuer, monkeypatch):
    monkeypatch.setattr(health, "monotonic", lambda: 7.1)
    assert readyz()[0] == 200
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    monkeypatch.setattr(health, "monotonic", lambda: 7.9)
    assert readyz()[0] == 200
    monkeypatch.setattr(health, "monotonic", lambda: 8.0)
    assert readyz()[0] == 503


def test_a_migration_that_is_not_applied(issuer, monkeypatch):
    later = health._migrations() | {("notes", "9999_later")}
    monkeypatch.setattr(health, "_migrations", lambda: later)
    parts = {**ALL_OK, "migrations": "missing"}
    assert readyz() == (503, {"status": "unavailable", "parts": parts})


def test_no_keys(issuer):
    issuer.status = 500
    parts = {**ALL_OK, "token_keys": "unavailable"}
    assert readyz() == (503, {"status": "unavailable", "parts": parts})
    response = APIClient().get("/readyz/notes")
    assert response["Retry-After"] == "5"
