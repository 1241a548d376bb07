import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from config import settings as production
from config.env import Environment

ROOT = Path(__file__).parents[2]


def test_production_hashes_with_bcrypt():
    """These tests use a fast hasher; the settings themselves do not."""
    assert production.PASSWORD_HASHERS == ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"]
    assert BCryptSHA256PasswordHasher.rounds >= 12


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
