import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from accounts.hashers import GivingWayHasher
from config import settings as production
from config.env import Environment
from config.mail_env import MailEnvironment

ROOT = Path(__file__).parents[2]


def test_production_hashes_with_bcrypt():
    """These tests use a fast hasher; the settings themselves do not."""
    assert production.PASSWORD_HASHERS == ["accounts.hashers.GivingWayHasher"]
    assert GivingWayHasher.rounds >= 12


def test_the_openapi_document_is_current(tmp_path):
    """After a change: manage.py spectacular --file docs/openapi/users.yaml --validate."""
    new = tmp_path / "users.yaml"
    call_command("spectacular", "--file", str(new), "--validate", "--fail-on-warn")
    assert new.read_text() == (ROOT / "docs" / "openapi" / "users.yaml").read_text()


def test_the_openapi_document_is_for_all(client):
    response = client.get("/api/v1/schema/users/", headers={"accept": "application/json"})
    assert response.json()["openapi"] == "3.1.0"
    page = client.get("/api/v1/docs/users/", headers={"accept": "text/html"})
    assert "/static/users/drf_spectacular_sidecar/" in page.text
    assert "cdn" not in page.text


def test_an_empty_environment_names_all_that_is_missing():
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT / "users_project",
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    for name in (
        "USERS_SECRET_KEY",
        "USERS_DATABASE_URL",
        "USERS_SIGNING_KEYS_DIR",
        "GATEWAY_URL",
        "KAFKA_BOOTSTRAP_SERVERS",
    ):
        assert f"users.E001 {name} is not set." in done.stderr
    assert "Traceback" not in done.stderr


ORIGIN = "http://localhost:4000"


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        (ORIGIN, ORIGIN),
        (f"{ORIGIN}/", ORIGIN),
        ("HTTPS://Notes.Example", "https://notes.example"),
        ("http://[::1]:4000", "http://[::1]:4000"),
    ],
)
def test_an_origin(given, origin):
    env = Environment("users", {"GATEWAY_URL": given})
    assert env.origin("GATEWAY_URL", hint="") == origin
    env.require_valid()


@pytest.mark.parametrize(
    "given",
    [
        *("localhost:4000", "//localhost", "ftp://localhost", "http://", "http://:4000"),
        *(f"{ORIGIN}/notes", f"{ORIGIN}//", f"{ORIGIN}?a=b", f"{ORIGIN}?", f"{ORIGIN}#a"),
        *("http://ada@localhost", "http://localhost:x", "http://localhost:99999", "http://[::1"),
    ],
)
def test_no_origin(given):
    env = Environment("users", {"GATEWAY_URL": given})
    env.origin("GATEWAY_URL", hint="Without a path.")
    refusal = "users.E002 GATEWAY_URL cannot be read. Without a path."
    with pytest.raises(ImproperlyConfigured, match=refusal):
        env.require_valid()


def test_a_secret_is_long():
    env = Environment("users", {"LONG": "x" * 50, "SHORT": "Kestrel" * 7})
    assert (env.secret("LONG"), env.secret("NONE", "")) == ("x" * 50, "")
    env.require_valid()
    env.secret("SHORT")
    with pytest.raises(ImproperlyConfigured, match="E002 SHORT cannot be read") as refused:
        env.require_valid()
    assert "Kestrel" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
        (
            "smtp+tls://ada%40example.com:p%2Fw@mail.example.com:587",
            {
                "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "EMAIL_HOST": "mail.example.com",
                "EMAIL_PORT": 587,
                "EMAIL_HOST_USER": "ada@example.com",
                "EMAIL_HOST_PASSWORD": "p/w",
                "EMAIL_USE_TLS": True,
            },
        ),
        ("smtp+ssl://mail.example.com", {"EMAIL_PORT": 465, "EMAIL_USE_SSL": True}),
        ("smtp://127.0.0.1", {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 25}),
        (
            "filemail:///var/mail",
            {
                "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
                "EMAIL_FILE_PATH": "/var/mail",
            },
        ),
    ],
)
def test_a_mail_server(given, expected):
    env = MailEnvironment("users", {"EMAIL_URL": given})
    found = env.mail_server("EMAIL_URL", "consolemail://")
    env.require_valid()
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    "given",
    [
        "mail.example.com",
        "smtp://",
        "smtp://:587",
        "smtp+tls://mail.example.com:0",
        "smtp+tls://mail.example.com:99999",
        "smtp+tls://mail.example.com:port",
        "smtp://mail.example.com/path",
        "smtp://mail.example.com?use_tls=1",
        "smtpx://mail.example.com",
        "memorymail://",
        "filemail://",
        "filemail://folder",
        "consolemail://host",
        "https://secret-token@mail.example.com",
    ],
)
def test_what_is_no_mail_server_stops_the_start(given):
    env = MailEnvironment("users", {"EMAIL_URL": given})
    env.mail_server("EMAIL_URL", "consolemail://")
    with pytest.raises(
        ImproperlyConfigured, match=r"users\.E002 EMAIL_URL .*smtp\+tls://"
    ) as error:
        env.require_valid()
    assert "secret-token" not in str(error.value)


@pytest.mark.parametrize("given", ["notes@example.com", "Notes <notes@example.com>"])
def test_a_sender(given):
    env = MailEnvironment("users", {"EMAIL_FROM": given})
    assert env.address("EMAIL_FROM", "noreply@localhost") == given
    env.require_valid()


@pytest.mark.parametrize("given", ["notes", "Notes", "a@b c", "a@example.com\nBcc: b@example.com"])
def test_what_is_no_sender_stops_the_start(given):
    env = MailEnvironment("users", {"EMAIL_FROM": given})
    env.address("EMAIL_FROM", "noreply@localhost")
    with pytest.raises(ImproperlyConfigured, match=r"users\.E002 EMAIL_FROM "):
        env.require_valid()
