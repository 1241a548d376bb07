"""compose.yaml for real: `make test-compose`. Needs a container engine with Compose."""

import json
import os
import re
import secrets
import subprocess
from pathlib import Path

import pytest

from devstack.ports import free_ports
from devstack.processes import wait_until
from tests.docs import documents
from tests.system.client import Api, Client, User

pytestmark = pytest.mark.timeout(1800)  # seconds: images are fetched and built first
REPOSITORY = Path(__file__).parents[2]
NOTES = "/api/v1/notes/"
NO_ENGINE = (
    "No container engine with Compose answers to `docker compose`. "
    "Start one, then repeat: make test-compose"
)
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
# As opposed to a port that an image merely names.
PUBLISHED = re.compile(r"\S+->[^\s,]+")


class Compose:
    """`docker compose` for a project of this run alone, on a free port."""

    def __init__(self, **variables):
        self.port = free_ports()
        self.url = f"http://localhost:{self.port}"
        # Without the settings of a .env file or of this shell.
        self._environment = (
            os.environ
            | {
                "COMPOSE_PROJECT_NAME": f"compose-test-{secrets.token_hex(4)}",
                "COMPOSE_FILE": str(REPOSITORY / "compose.yaml"),
                "COMPOSE_ENV_FILES": os.devnull,
                "PORT": str(self.port),
                "GATEWAY_URL": "",
                "ALLOWED_HOSTS": "",
                "EMAIL_URL": "",
            }
            | variables
        )

    def __call__(self, *arguments):
        """Runs `docker compose` and gives its output. Fails with it where the command fails."""
        return self._run(["docker", "compose", *arguments], REPOSITORY)

    def containers(self):
        """What the engine knows of each container, also of those that have ended: by service."""
        ids = self("ps", "--all", "--quiet").split()
        found = json.loads(self._run(["docker", "inspect", *ids], REPOSITORY))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def shell(self, script, folder):
        """Runs lines of a document, in a folder for the files that they write."""
        return self._run(["bash", "-euo", "pipefail", "-c", script], folder)

    def _run(self, command, folder):
        ended = subprocess.run(
            command,
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{' '.join(command)}:\n{ended.stdout}"
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


def documented_commands():
    """How the first table of the operations says that a command is run: of both projects."""
    (row,) = [row for row in documents.rows(OPERATIONS) if row[0] == "Compose"]
    commands = documents.code(" ".join(row[1:]))
    assert [command.split()[-1] for command in commands] == ["pipeline_status"] * 2
    return commands


def test_the_documented_way_to_run_a_command(compose, api, tmp_path):
    """Also of a service that is stopped, and of what has to reach all there is."""
    user = api.register()
    users, notes = (each.removesuffix("pipeline_status") for each in documented_commands())
    compose("stop", "users-relay", "notes-consumer")
    try:
        for command in (*documented_commands(), f"{users}reconcile_topic", f"{users}create_topics"):
            compose.shell(command, tmp_path)
    finally:
        compose("start", "users-relay", "notes-consumer")
    for command in (f"{users}republish_users {user.id}", f"{notes}rebuild_users"):
        compose.shell(command, tmp_path)
    compose.shell(f"{notes}compare_users", tmp_path)


def test_to_ask_starts_no_kafka(compose, tmp_path):
    """What says that Kafka is down must find it so."""
    compose("stop", "kafka")
    try:
        users, _ = documented_commands()
        compose.shell(users, tmp_path)
        assert "kafka" not in compose("ps", "--services", "--status", "running").splitlines()
    finally:
        compose("up", "--wait")


ROLES = """
SELECT usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'postgres'
"""


def test_each_process_has_its_own_database_role(compose, api):
    api.sign_in().get(NOTES)
    for service, roles in {
        "users": {"users_web", "users_relay"},
        "notes": {"notes_web", "notes_consumer"},
    }.items():
        command = ["exec", "--no-TTY", f"{service}-db", "psql", "-U", "postgres", "-Atc", ROLES]
        assert wait_until(lambda c=command, r=roles: set(compose(*c).split()) == r, 60)
    question = "SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname NOT LIKE 'p%'"
    ask = ("exec", "--no-TTY", "users-db", "psql", "-U", "postgres", "-Atc", question)
    assert compose(*ask).strip() == "f"


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


@pytest.mark.parametrize(
    ("email_url", "beyond"),
    [
        ("", {"gateway": "public"}),
        ("smtp://mail.example", {"gateway": "public", "users-web": "mail-server"}),
    ],
)
def test_what_reaches_beyond_this_machine(email_url, beyond):
    """Each by a network of its own: two containers on one would reach each other by it."""
    text = Compose(EMAIL_URL=email_url)("--profile", "operator", "config", "--format", "json")
    config = json.loads(text)
    out = {name for name, network in config["networks"].items() if not network.get("internal")}
    found = [
        (service, network)
        for service, each in config["services"].items()
        for network in each.get("networks") or ()
        if network in out
    ]
    assert sorted(found) == sorted(beyond.items())


def test_who_holds_what_signs():
    """Neither what a web server signs with, nor the comparison's secret, is with anybody else."""
    config = json.loads(Compose()("--profile", "operator", "config", "--format", "json"))
    holders = {}
    for service, each in config["services"].items():
        for volume in each.get("volumes", ()):
            holders.setdefault(volume.get("source"), set()).add(service)
    assert holders["users-secrets"] == {"users-web", "secrets"}
    assert holders["notes-secrets"] == {"notes-web", "secrets"}
    assert holders["signing-keys"] == {"users-web", "signing-keys"}
    comparing = {"users-web", "notes-comparison", "notes-operator", "secrets"}
    assert holders["comparison-secret"] == comparing


def test_every_container_is_shut_in(compose):
    """No user root but for the one that hands out the secrets, no capability, no way to either."""
    containers = compose.containers()
    assert set(containers) == set(compose("config", "--services").split())
    roots = {name for name, each in containers.items() if is_root(each["Config"]["User"])}
    assert roots == {"secrets"}
    for name, each in containers.items():
        host = each["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert not host["Privileged"], name
        assert host["CapDrop"] == ["ALL"], name
        assert host["PidsLimit"] == 500, name
        added = [capability.removeprefix("CAP_") for capability in host["CapAdd"] or []]
        assert added == (["CHOWN"] if name == "secrets" else []), name
        assert [option.partition(":")[0] for option in host["SecurityOpt"]] == ["no-new-privileges"]


def is_root(user):
    return user.partition(":")[0] in ("", "0", "root")


def test_what_runs_is_shut_in(compose):
    """As the processes in the containers see it."""
    services = compose("ps", "--services", "--status", "running").split()
    assert {"gateway", "users-web", "notes-web", "users-db", "kafka"} <= set(services)
    for name in services:
        seen = compose("exec", "--no-TTY", name, "cat", "/proc/1/status", "/proc/self/mounts")
        status = dict(re.findall(r"^(\w+):\t(.*)$", seen, re.MULTILINE))
        assert "0" not in status["Uid"].split(), name
        assert {status[kind].strip("0") for kind in ("CapEff", "CapPrm", "CapBnd")} == {""}, name
        assert status["NoNewPrivs"] == "1", name
        (options,) = re.findall(r"^\S+ / \S+ (\S+)", seen, re.MULTILINE)
        assert "ro" in options.split(","), name


def test_an_admin_account(compose):
    staff = User()
    compose(
        *("exec", "--no-TTY", "--env", f"DJANGO_SUPERUSER_PASSWORD={staff.password}"),
        *("users-web", "python", "manage.py", "createsuperuser", "--no-input"),
        *("--username", staff.username, "--email", staff.email),
    )
    with Api(compose.url) as api, api.sign_in(staff) as client:
        client.hooks["response"].clear()  # Staff may see everybody's address.
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


def test_the_documented_rotation_of_the_signing_keys(compose, api, tmp_path):
    (script,) = documents.blocks(documents.section(OPERATIONS, "Signing keys"), "sh")
    client, before = api.sign_in(), api.get("/.well-known/jwks.json").json()

    def rotated():
        try:
            compose.shell(script, tmp_path)
        except AssertionError as refusal:
            if "Try again in" not in str(refusal):  # As so soon after the first start.
                raise
            return False
        return True

    assert wait_until(rotated, 600)
    assert api.get("/.well-known/jwks.json").json() != before
    for each in (client, api.sign_in(client.user)):
        assert each.get(NOTES).status_code == 200


def test_the_documented_backup_and_restore(compose, api, tmp_path):
    back_up, restore = documents.blocks(documents.section(OPERATIONS, "Backups"), "sh")
    early = api.sign_in()
    kept = write(early, title="Before the backup")
    compose.shell(back_up, tmp_path)
    assert all((tmp_path / f"{name}.dump").stat().st_size for name in ("users_db", "notes_db"))
    late = api.sign_in()
    write(late, title="After the backup")
    write(early, title="After the backup")

    compose.shell(restore, tmp_path)
    assert wait_until(lambda: early.get(NOTES).status_code == 200, 60)
    assert [note["id"] for note in early.get(NOTES).json()["results"]] == [kept["id"]]
    assert late.get(NOTES).json()["results"] == []
    # The consumer reads by itself what the backup lacks; a deletion has no token to tell of it.
    password = {"password": late.user.password}
    assert late.delete("/api/v1/users/me/", json=password).status_code == 204
    assert wait_until(lambda: late.get(NOTES).status_code == 401, 60)
