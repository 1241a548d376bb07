"""Readiness by way of the gateway: green, red and green again."""

import pytest

from tests.system.problems import assert_problem

KEYS = {"users": "signing_keys", "notes": "token_keys"}


@pytest.mark.parametrize("service", ["users", "notes"])
def test_ready(api, service):
    answer = api.get(f"/readyz/{service}")
    parts = {"database": "ok", "migrations": "ok", KEYS[service]: "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "parts": parts})


@pytest.mark.parametrize(
    ("service", "path"), [("users", "/api/v1/users/"), ("notes", "/api/v1/notes/")]
)
def test_without_its_database(stack, api, wait_until, service, path):
    """Red and naming it, for as long as it lasts; requests get a 503."""
    database = getattr(stack, f"{service}_db")
    other = {"users": "notes", "notes": "users"}[service]
    client = api.sign_in()
    database.stop()
    try:
        # Each web worker keeps its answer for a second.
        wait_until(lambda: api.get(f"/readyz/{service}").status_code == 503)
        answer = api.get(f"/readyz/{service}")
        parts = {"database": "unavailable", "migrations": "unknown", KEYS[service]: "ok"}
        assert answer.json() == {"status": "unavailable", "parts": parts}
        assert_tells_nothing_of(database, answer.text)
        refused = client.get(path)
        assert_problem(refused, 503, path)
        assert refused.headers["Retry-After"] == "5"
        assert_tells_nothing_of(database, refused.text)
        assert api.get(f"/readyz/{other}").status_code == 200
        assert api.get("/healthz").status_code == 200
    finally:
        database.start()
        database.wait_ready()
    wait_until(lambda: api.get(f"/readyz/{service}").status_code == 200)
    assert client.get(path).status_code == 200


def assert_tells_nothing_of(database, text):
    password = database.url.partition("@")[0].rpartition(":")[2]
    for word in ("127.0.0.1", "localhost", str(database.port), database.name, password):
        assert word not in text


def test_without_its_signing_key(stack, api):
    key = stack.folder / "signing-keys" / "current.pem"
    aside = key.with_name("aside.pem")
    key.rename(aside)
    try:
        answer = api.get("/readyz/users")
    finally:
        aside.rename(key)
    assert answer.status_code == 503
    assert answer.json()["parts"]["signing_keys"] == "unavailable"
    assert str(stack.folder) not in answer.text
    assert api.get("/readyz/users").status_code == 200
