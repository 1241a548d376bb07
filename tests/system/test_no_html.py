"""Who takes JSON gets no HTML, whatever goes wrong."""

import uuid
from pathlib import Path

import pytest
import yaml

from tests.system.client import Api
from tests.system.problems import assert_problem

DOCUMENTS = Path(__file__).parents[2] / "docs" / "openapi"
NOTES, USERS = "/api/v1/notes/", "/api/v1/users/"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(stack):
    with Api(stack.gateway_url) as api, api.sign_in() as client:
        yield client


def documented_paths():
    for service in ("users", "notes"):
        document = yaml.safe_load((DOCUMENTS / f"{service}.yaml").read_text())
        for path in document["paths"]:
            path = path.replace("{name}", "nope").replace("{number}", "1")
            yield path.replace("{id}", str(uuid.UUID(int=0)))


@pytest.mark.parametrize(
    ("method", "path", "status", "options"),
    [
        ("GET", "/nope/", 404, {}),
        ("GET", f"{USERS}nope/", 404, {}),
        ("GET", f"{NOTES}nope/", 404, {}),
        ("GET", f"{USERS}{uuid.UUID(int=0)}/", 404, {}),
        ("GET", f"{NOTES}{uuid.UUID(int=0)}/", 404, {}),
        ("GET", "/api/v1/tags/nope/", 404, {}),
        ("GET", "/static/users/nope.css", 404, {}),
        ("DELETE", USERS, 405, {}),
        ("DELETE", NOTES, 405, {}),
        ("GET", "/logout/", 405, {}),
        ("PUT", "/login/", 403, {}),
        ("GET", "/login/", 406, {}),
        ("GET", "/api/v1/docs/users/", 406, {}),
        ("GET", "/api/v1/docs/notes/", 406, {}),
        ("GET", USERS, 406, {"headers": {"Accept": "image/png"}}),
        ("GET", NOTES, 406, {"headers": {"Accept": "image/png"}}),
        ("POST", USERS, 413, {"data": b"x" * 13_000_000, "headers": JSON}),
        ("POST", NOTES, 413, {"data": b"x" * 13_000_000, "headers": JSON}),
        ("POST", USERS, 415, {"data": "text", "headers": {"Content-Type": "text/plain"}}),
        ("POST", NOTES, 415, {"data": "text", "headers": {"Content-Type": "text/plain"}}),
        ("POST", USERS, 400, {"data": '{"email": ', "headers": JSON}),
        ("POST", NOTES, 400, {"data": '{"title": ', "headers": JSON}),
        ("POST", USERS, 400, {"data": b'{"email": "\xff"}', "headers": JSON}),
        ("POST", NOTES, 400, {"data": b'{"title": "\xff"}', "headers": JSON}),
        ("POST", NOTES, 400, {"data": "[" * 100_000, "headers": JSON}),
        ("POST", NOTES, 400, {"json": {"title": "\0"}}),
        ("POST", USERS, 400, {"json": []}),
        ("POST", "/login/", 403, {"data": {"username": "a", "password": "b"}}),
        ("GET", f"{USERS}?cursor=nope", 400, {}),
        ("GET", f"{NOTES}?cursor=nope", 400, {}),
        ("GET", f"{NOTES}?limit=nope", 400, {}),
        ("GET", f"{NOTES}?nope=1", 400, {}),
        ("GET", USERS, 400, {"headers": {"Host": "evil.example"}}),
        ("GET", NOTES, 400, {"headers": {"Host": "evil.example"}}),
        ("GET", "/readyz/notes", 400, {"headers": {"Host": "evil.example"}}),
        ("GET", USERS, 401, {"headers": {"Authorization": "Bearer nope"}}),
        ("GET", NOTES, 401, {"headers": {"Authorization": "Bearer nope"}}),
        ("GET", USERS, 431, {"headers": {"X-Long": "x" * 9000}}),
        ("GET", f"{NOTES}?q={'x' * 9000}", 414, {}),
        ("TRACE", NOTES, 405, {}),
        ("POST", "/readyz/users", 403, {}),
        ("PUT", "/readyz/notes", 403, {}),
        ("DELETE", "/.well-known/jwks.json", 405, {}),
    ],
)
def test_errors_are_problems(client, method, path, status, options):
    assert_problem(client.request(method, path, **options), status)


@pytest.mark.parametrize("path", ["/admin/users/", "/admin/notes/", "/admin/notes/notes/note/"])
def test_the_admin(api, client, path):
    """It sends who is not signed in to the sign-in page, and has no page for others."""
    for each in (api, client):
        answer = each.get(path, allow_redirects=False)
        assert answer.status_code == 302
        assert answer.content == b""
        assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("signed_in", [False, True])
def test_whatever_is_asked_of_any_address(api, client, signed_in):
    asking = client if signed_in else api
    for path in documented_paths():
        for method in METHODS:
            answer = asking.request(method, path, json={"nope": 1}, allow_redirects=False)
            assert "html" not in answer.headers.get("Content-Type", ""), (method, path)
            if answer.status_code >= 400 and method != "HEAD":
                assert_problem(answer, answer.status_code, path)
            assert answer.status_code < 500, (method, path)
