"""compose.yaml for real: `make test-compose`. Needs a container engine with Compose."""

import os
import re
import secrets
import subprocess
from pathlib import Path

import pytest

from devstack.ports import free_ports
from devstack.processes import wait_until
from tests.system.client import Api, Client, User

pytestmark = pytest.mark.timeout(1800)  # seconds: images are fetched and built first
REPOSITORY = Path(__file__).parents[2]
NOTES = "/api/v1/notes/"
NO_ENGINE = (
    "No container engine with Compose answers to `docker compose`. "
    "Start one, then repeat: make test-compose"
)
# As opposed to a port that an image merely names.
PUBLISHED = re.compile(r"\S+->[^\s,]+")


class Compose:
    """`docker compose` for a project of this run alone, on a free port."""

    def __init__(self):
        self.port = free_ports()
        self.url = f"http://localhost:{self.port}"
        self._name = f"compose-test-{secrets.token_hex(4)}"

    def __call__(self, *arguments):
        """Runs a command and gives its output. Fails with it where the command fails."""
        # Without the settings of a .env file or of this shell.
        options = ["--env-file", os.devnull, "--project-name", self._name]
        ended = subprocess.run(
            ["docker", "compose", *options, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "PORT": str(self.port), "GATEWAY_URL": "", "ALLOWED_HOSTS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{' '.join(arguments)}:\n{ended.stdout}"
        return ended.stdout


def require_engine():
    for question in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            answered = subprocess.run(question, capture_output=True, check=False).returncode == 0
        except OSError:
            answered = False
        if not answered:
            pytest.exit(NO_ENGINE, returncode=1)


@pytest.fixture(scope="module")
def compose():
    require_engine()
    compose = Compose()
    try:
        compose("up", "--build", "--wait")
        yield compose
    finally:
        compose("down", "--volumes", "--remove-orphans")


@pytest.fixture
def api(compose):
    with Api(compose.url) as client:
        yield client


def write(client, **note):
    answer = client.post(NOTES, json=note)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_demo_users_way(api):
    client = api.sign_in()
    note = write(client, title="First note", content="Hello.", tags=["demo"])
    found = client.get(f"{NOTES}?tag=demo").json()["results"]
    assert [each["id"] for each in found] == [note["id"]]

    # Of the deletion the notes service hears through Kafka alone: the token is good for minutes.
    password = {"password": client.user.password}
    assert client.delete("/api/v1/users/me/", json=password).status_code == 204
    assert wait_until(lambda: client.get(NOTES).status_code == 401, 60)


def test_both_services_are_ready_and_have_their_static_files(api):
    for path in ("/healthz", "/readyz/users", "/readyz/notes"):
        assert api.get(path).json()["status"] == "ok"
    for service in ("users", "notes"):
        path = f"/static/{service}/rest_framework/css/bootstrap.min.css"
        assert api.get(path).headers["Content-Type"] == "text/css"


def test_only_the_gateways_port_is_published(compose):
    lines = compose("ps", "--format", "{{.Service}} {{.Ports}}").splitlines()
    published = [(line.split()[0], *PUBLISHED.findall(line)) for line in lines if "->" in line]
    assert published == [("gateway", f"127.0.0.1:{compose.port}->4000/tcp")]
    assert len(lines) > len(published)


def test_an_admin_account(compose):
    staff = User()
    compose(
        *("exec", "--no-TTY", "--env", f"DJANGO_SUPERUSER_PASSWORD={staff.password}"),
        *("users-web", "python", "manage.py", "createsuperuser", "--no-input"),
        *("--username", staff.username, "--email", staff.email),
    )
    with Api(compose.url) as api, api.sign_in(staff) as client:
        assert [user["username"] for user in client.get("/api/v1/users/").json()["results"]]
    with Client(compose.url, staff, accept="text/html") as browser:
        browser.get("/login/")
        form = staff.credentials | {"csrfmiddlewaretoken": browser.cookies["users_csrf"]}
        browser.post("/login/", data=form)
        for path in ("/admin/users/", "/admin/notes/"):
            assert "Site administration" in browser.get(path).text


def test_down_and_up_keep_the_data(compose, api):
    client = api.sign_in()
    note = write(client, title="Kept")
    key = api.get("/.well-known/jwks.json").json()
    compose("down")
    compose("up", "--wait")
    # The tokens hold, and so do the password and the note.
    assert client.get(f"{NOTES}{note['id']}/").json() == note
    assert api.sign_in(client.user).get(NOTES).json()["results"][0]["id"] == note["id"]
    assert api.get("/.well-known/jwks.json").json() == key
    write(api.sign_in(), title="After")
