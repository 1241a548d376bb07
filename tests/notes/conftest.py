from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from config import health, logs
from config.postgresql.base import Connection, DatabaseWrapper, prepare_statements
from config.privileges import PRIVILEGES
from devstack import postgres
from tests import roles
from tests.notes.issuer import Account, Issuer
from users.keys import key_cache

pytest_plugins = ["tests.broker"]

# As in the web server, whatever process a test runs first.
prepare_statements(plan_for_values=True)

_OWN_SERVER = "127.0.0.1:1/" in os.environ["NOTES_DATABASE_URL"]


@pytest.fixture(autouse=True)
def ask_the_database_again() -> None:
    """Readiness keeps its answer for a second."""
    health._database.cache_clear()


@pytest.fixture(autouse=True)
def no_limit_to_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sets one for its process, which is that of all tests."""
    monkeypatch.setattr(Connection, "answer_within", None)
    monkeypatch.setattr(DatabaseWrapper, "session", DatabaseWrapper.session)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Without NOTES_DATABASE_URL, a PostgreSQL server for this run alone."""
    if not _OWN_SERVER:
        yield
        return
    folder: Path = tmp_path_factory.mktemp("postgres")
    with postgres.temporary("notes_db", folder) as server:
        roles.let_become(server, PRIVILEGES)
        url = urlsplit(server.url)
        connection.settings_dict.update(
            HOST=url.hostname, PORT=url.port, USER=url.username, PASSWORD=url.password
        )
        yield


@pytest.fixture(scope="class")
def _for_all_tests(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What fixtures of a class write is there for each of its tests, which leave nothing to others.

    They run in savepoints of one transaction.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="session")
def _issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with issuer.serving():
        yield issuer


@pytest.fixture
def issuer(_issuer: Issuer, settings: Any) -> Iterator[Issuer]:
    """users_project, answering with its public keys."""
    _issuer.status, _issuer.fetches = 200, 0
    settings.NOTES_JWKS_URL = _issuer.url
    key_cache.cache_clear()
    yield _issuer
    key_cache.cache_clear()


@pytest.fixture
def sign_in(issuer: Issuer) -> Callable[[Account], APIClient]:
    def client_of(account: Account) -> APIClient:
        headers = {
            "authorization": f"Bearer {issuer.token(account)}",
            "accept": "application/json",
        }
        return APIClient(raise_request_exception=False, headers=headers)

    return client_of


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service writes to its log, as it writes it."""
    handlers = logging.getLogger().handlers
    handler = next(h for h in handlers if h.get_name() == "stdout")
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(lines := io.StringIO())
    monkeypatch.setattr(logs.Logger, "stream", lines)
    yield lines
    handler.setStream(before)


@pytest.fixture
def ada() -> Account:
    return Account("ada")


@pytest.fixture
def bob() -> Account:
    return Account("bob")


@pytest.fixture
def api(db: None, sign_in: Callable[[Account], APIClient], ada: Account) -> APIClient:
    """Ada's client."""
    return sign_in(ada)


@pytest.fixture
def user(api: APIClient, ada: Account, django_user_model: Any) -> Any:
    """Ada's shadow user."""
    api.get("/api/v1/notes/")
    return django_user_model.objects.get(id=ada.id)


@pytest.fixture
def bobs_api(db: None, sign_in: Callable[[Account], APIClient], bob: Account) -> APIClient:
    return sign_in(bob)


@pytest.fixture
def staff(issuer: Issuer, bob: Account) -> Client:
    """A browser of a member of staff."""
    client = Client(headers={"accept": "text/html"}, raise_request_exception=False)
    client.cookies["access_token"] = issuer.token(replace(bob, staff=True))
    return client


@pytest.fixture
def browser(issuer, ada):
    headers = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    client = APIClient(enforce_csrf_checks=True, headers=headers)
    client.cookies["access_token"] = issuer.token(ada)
    client.cookies["users_csrf"] = "u" * 32
    return client
