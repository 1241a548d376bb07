import io
import logging
import os
import re
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts import background, keys
from accounts.models import User
from config import health, logs
from config.privileges import PRIVILEGES
from devstack import postgres
from devstack.processes import wait_until
from tests import roles

pytest_plugins = ["tests.broker"]

PASSWORD = "correct horse 9"
_OWN_SERVER = "127.0.0.1:1/" in os.environ["USERS_DATABASE_URL"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """Without USERS_DATABASE_URL, a PostgreSQL server for this run alone."""
    if not _OWN_SERVER:
        yield
        return
    with postgres.temporary("users_db", tmp_path_factory.mktemp("postgres")) as server:
        roles.let_become(server, PRIVILEGES)
        url = urlsplit(server.url)
        connection.settings_dict.update(
            HOST=url.hostname, PORT=url.port, USER=url.username, PASSWORD=url.password
        )
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests of whole transactions empty all tables after them; the audit log refuses that."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_refuse_truncate")


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keys.rotate(folder)
    return folder


@pytest.fixture(autouse=True)
def use_signing_keys(settings, signing_keys):
    settings.USERS_SIGNING_KEYS_DIR = signing_keys


@pytest.fixture(autouse=True)
def ask_the_database_again():
    """Readiness keeps its answer for a second."""
    health._database.cache_clear()


@pytest.fixture
def new_user(db):
    def new_user(name="ada", **fields):
        return User.objects.create_user(name, f"{name}@example.com", PASSWORD, **fields)

    return new_user


@pytest.fixture
def ada(new_user):
    return new_user("ada")


@pytest.fixture
def staff(new_user):
    return new_user("grace", is_staff=True, is_superuser=True)


def json_client(token=None):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_ACCEPT="application/json")
    if token:
        client.credentials(HTTP_ACCEPT="application/json", HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def anonymous():
    return json_client()


@pytest.fixture
def tokens(anonymous):
    """Signs in and gives the answer's body: access and refresh."""

    def sign_in(user, password=PASSWORD):
        body = {"username": user.username, "password": password}
        response = anonymous.post("/api/v1/auth/token/", body)
        assert response.status_code == 200, response.content
        return response.json()

    return sign_in


@pytest.fixture
def signed_in(tokens):
    def client_of(user):
        return json_client(tokens(user)["access"])

    return client_of


@pytest.fixture
def api(signed_in, ada):
    """Ada's client."""
    return signed_in(ada)


@pytest.fixture
def browser():
    return Client(enforce_csrf_checks=True, raise_request_exception=False, headers=HTML)


@pytest.fixture
def post(browser):
    """Posts a form with the CSRF token that the page gave."""

    def post(path, body, page=None):
        found = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(page or path).text
        )
        return browser.post(path, {**body, "csrfmiddlewaretoken": found[1]})

    return post


@pytest.fixture
def submit(browser):
    """Sends a page's form, filled in; gives the page that comes back."""

    def submit(page, path, **fields):
        given = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', page))
        return browser.post(path, {**given, **fields})

    return submit


def settle():
    """Waits until nothing is being done in the background."""
    assert wait_until(lambda: background._room._value == background.LIMIT, 10, every=0.01)


@pytest.fixture
def mails():
    """Those sent since it was called last."""

    def mails():
        settle()
        sent, mail.outbox[:] = mail.outbox[:], []
        return sent

    yield mails
    settle()


@pytest.fixture
def one_mail(mails):
    def one_mail(to):
        (sent,) = mails()
        assert sent.to == [to]
        return sent

    return one_mail


@pytest.fixture
def verification(settings):
    settings.EMAIL_VERIFICATION = True


def token_in(sent):
    return re.search(r"\?token=(\S+)", sent.body)[1]


@pytest.fixture
def at_home(post, ada):
    """Ada's browser is signed in."""
    assert post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 302


@pytest.fixture
def browser_of():
    """A browser that a user has signed in with at /login/."""

    def sign_in(user):
        browser = Client(headers=HTML)
        response = browser.post("/login/", {"username": user.username, "password": PASSWORD})
        assert response.status_code == 302
        return browser

    return sign_in


@pytest.fixture
def admin(browser_of, staff):
    return browser_of(staff)


HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def log(monkeypatch):
    """What the service writes to its log, as it writes it."""
    handler = next(h for h in logging.getLogger().handlers if h.get_name() == "stdout")
    before = handler.setStream(lines := io.StringIO())
    monkeypatch.setattr(logs.Logger, "stream", lines)
    yield lines
    handler.setStream(before)


@pytest.fixture
def errors():
    """The pointers of a refusal and their codes, which go with its status."""

    def of(response):
        assert response["Content-Type"] == "application/problem+json", response.content
        found = {error["pointer"]: error["code"] for error in response.json()["errors"]}
        statuses = {"taken": 409, "wrong_password": 403}
        assert {statuses.get(code, 400) for code in found.values()} == {response.status_code}
        return found

    return of
