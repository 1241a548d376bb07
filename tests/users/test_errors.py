"""Whatever goes wrong: problem details for who takes JSON, and HTML only for who takes HTML."""

import re
import socket
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts import admin, views
from config import health
from config.problems import problem
from devstack.processes import wait_until
from tests.threads import in_thread
from tests.users.conftest import HTML, PASSWORD, json_client

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


def assert_problem(response, status):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body.keys() >= MEMBERS
    assert body["status"] == status
    assert body["request_id"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/api/v1/users/x/", {}, 404),
        ("GET", "/api/v1/users/%00/", {}, 404),
        ("GET", "/admin/users/nothing/", {"headers": {"cookie": "x"}}, 302),
        ("PUT", "/api/v1/users/", {}, 401),
        ("PUT", "/api/v1/auth/token/", {}, 405),
        ("GET", "/api/v1/auth/logout/", {}, 405),
        ("PUT", "/login/", {}, 403),
        ("GET", "/logout/", {}, 405),
        ("POST", "/readyz/users", {}, 403),
        ("GET", "/login/", {}, 406),
        ("GET", "/api/v1/docs/users/", {}, 406),
        ("GET", "/?format=api", {}, 406),
        ("GET", "/?format=x", {}, 400),
        ("POST", "/api/v1/auth/token/", {"headers": {"content-encoding": "gzip"}}, 415),
        ("POST", "/api/v1/users/", {"data": "{", "content_type": "application/json"}, 400),
        ("POST", "/api/v1/users/", {"data": "x", "content_type": "text/plain"}, 415),
        ("POST", "/api/v1/users/", {"data": "a", "content_type": "multipart/form-data"}, 400),
        (
            "POST",
            "/api/v1/users/",
            {"data": b"username=%ff", "content_type": "application/x-www-form-urlencoded"},
            400,
        ),
        (
            "POST",
            "/api/v1/users/",
            {"data": "a=b&" * 20_000, "content_type": "application/x-www-form-urlencoded"},
            400,
        ),
        ("GET", "/", {"headers": {"host": "evil.example", "accept": "application/json"}}, 400),
        ("GET", "/", {"headers": {"accept": "image/png"}}, 406),
    ],
)
def test_errors_are_problems(method, path, options, status):
    client = Client(
        enforce_csrf_checks=True,
        raise_request_exception=False,
        headers={"accept": "application/json"},
    )
    response = client.generic(method, path, **options)
    if status == 302:
        assert response.status_code == 302
        assert "Content-Type" not in response
    else:
        assert_problem(response, status)


@pytest.mark.django_db
def test_errors_are_pages_for_a_browser(browser):
    for path, options, status in (
        ("/nothing", {}, 404),
        ("/", {"headers": {"host": "evil.example"}}, 400),
        ("/logout/", {}, 405),
        ("/api/v1/users/x/", {}, 404),
    ):
        response = browser.get(path, **options)
        assert response.status_code == status
        assert response["Content-Type"].startswith("text/html"), path
        assert "<h1>" in response.text


def test_an_unforeseen_error(monkeypatch, browser, log):
    def fail(*args):
        raise RuntimeError("secret")

    monkeypatch.setattr(views.UserList, "get_permissions", fail)
    response = json_client().get("/api/v1/users/")
    assert_problem(response, 500)
    assert "secret" not in response.content.decode()
    assert response.json()["request_id"] in log.getvalue()
    page = browser.get("/api/v1/users/")
    assert (page.status_code, "secret" in page.text) == (500, False)


@pytest.fixture
def move_database(transactional_db, monkeypatch):
    def move_to(port):
        connection.close()
        for name, value in (("HOST", "127.0.0.1"), ("PORT", port)):
            monkeypatch.setitem(connection.settings_dict, name, value)

    yield move_to
    connection.close()
    monkeypatch.undo()


def test_a_database_that_is_gone(move_database, api, browser, tokens, ada):
    move_database(1)
    body = {"email": "a@example.com", "username": "a", "password": "correct horse 9"}
    for response in (
        api.get("/api/v1/users/me/"),
        api.post("/api/v1/users/", body),
        json_client().post("/api/v1/auth/token/", {"username": "a", "password": "x"}),
        json_client().post("/api/v1/auth/logout/", {"refresh": "x"}),
    ):
        assert_problem(response, 503)
        assert response["Retry-After"] == "5"
        assert "127.0.0.1" not in response.content.decode()
    browser.cookies["users_session"] = "x" * 32
    browser.cookies["access_token"] = api._credentials["HTTP_AUTHORIZATION"].split()[1]
    for path in ("/login/", "/admin/users/", "/api/v1/users/me/"):
        response = browser.get(path)
        assert (response.status_code, response["Retry-After"]) == (503, "5"), path
        assert "127.0.0.1" not in response.text
    assert_readiness(
        json_client().get("/readyz/users"), database="unavailable", migrations="unknown"
    )


def ask(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


def take_too_long():
    ask("SELECT set_config('statement_timeout', '50ms', true), pg_sleep(0)")
    ask("SELECT pg_sleep(60)")


def hang_in_a_transaction(limit="idle_in_transaction_session_timeout"):
    # A clock that runs already is not set anew.
    for value in ("0", "50ms"):
        ask("SELECT set_config(%s, %s, true)", limit, value)
    (pid,) = ask("SELECT pg_backend_pid()")
    ended = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
    assert wait_until(lambda: in_thread(lambda: ask(ended, pid)).result(10) == (True,), 10)
    ask("SELECT 1")


def hang_in_a_long_transaction():
    # Older servers have no limit to a transaction.
    new = connection.pg_version >= 17_00_00
    hang_in_a_transaction(*["transaction_timeout"] * new)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fail", [take_too_long, hang_in_a_transaction, hang_in_a_long_transaction])
def test_a_database_that_gave_up_says_so(fail, monkeypatch, api, staff):
    def get_queryset(*args):
        with transaction.atomic():
            fail()

    monkeypatch.setattr(views.UserList, "get_queryset", get_queryset)
    monkeypatch.setattr(admin.UserAdmin, "get_queryset", get_queryset)
    browser = Client(raise_request_exception=False)
    browser.post("/login/", {"username": staff.username, "password": PASSWORD}, headers=HTML)
    json = {"accept": "application/json"}
    for response in (
        api.get("/api/v1/users/"),
        browser.get("/admin/users/accounts/user/", headers=json),
    ):
        assert_problem(response, 503)
        assert response["Retry-After"] == "5"
        assert response.json()["detail"].startswith("The database gave this up: it took too long")


def test_titles_are_those_of_the_gateway():
    template = Path(__file__).parents[2] / "gateway_nginx" / "nginx.conf.template"
    titles = re.search(r"map \$status \$problem_title \{(.*?)\}", template.read_text(), re.DOTALL)
    found = re.findall(r'(\d+) "(.*)";', titles[1])
    assert len(found) > 10
    for status, title in found:
        assert problem(int(status), "", "/")["title"] == title


def test_a_database_that_hangs(move_database):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        move_database(silent.getsockname()[1])
        response = json_client().get("/readyz/users")
        assert_readiness(response, database="unavailable", migrations="unknown")
        # It answered while the server was silent, and waited for it once.
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_readiness_asks_the_database_once_a_second(anonymous, move_database, monkeypatch):
    monkeypatch.setattr(health, "monotonic", lambda: 7.1)
    assert_readiness(anonymous.get("/readyz/users"))
    move_database(1)
    monkeypatch.setattr(health, "monotonic", lambda: 7.9)
    assert_readiness(anonymous.get("/readyz/users"))
    monkeypatch.setattr(health, "monotonic", lambda: 8.0)
    response = anonymous.get("/readyz/users")
    assert_readiness(response, database="unavailable", migrations="unknown")


def assert_readiness(response, **parts):
    everything = {"database": "ok", "migrations": "ok", "signing_keys": "ok", **parts}
    ready = set(everything.values()) == {"ok"}
    assert response.status_code == (200 if ready else 503)
    assert response["Content-Type"] == "application/json"
    assert "no-store" in response["Cache-Control"]
    assert response.json() == {"status": "ok" if ready else "unavailable", "parts": everything}


@pytest.mark.django_db(transaction=True)
def test_ready(anonymous, browser):
    assert_readiness(anonymous.get("/readyz/users"))
    assert_readiness(browser.get("/readyz/users"))


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_keys(anonymous, settings, tmp_path):
    settings.USERS_SIGNING_KEYS_DIR = tmp_path
    response = anonymous.get("/readyz/users")
    assert_readiness(response, signing_keys="unavailable")
    assert str(tmp_path) not in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_not_ready_before_its_migrations(anonymous):
    change = "UPDATE django_migrations SET name = %s WHERE app = 'accounts' AND name = %s"
    with connection.cursor() as cursor:
        cursor.execute(change, ["0000_other", "0002_sessions"])
        try:
            response = anonymous.get("/readyz/users")
        finally:
            cursor.execute(change, ["0002_sessions", "0000_other"])
    assert_readiness(response, migrations="missing")
