"""What a person is told who starts a part with wrong settings, or without its servers."""

import subprocess
import sys
import uuid

import pytest

from devstack.ports import free_ports
from devstack.services import GUNICORN, project_folder, with_role

REQUIRED = {
    "users": ["USERS_SECRET_KEY", "USERS_DATABASE_URL", "USERS_SIGNING_KEYS_DIR"],
    "notes": ["NOTES_SECRET_KEY", "NOTES_DATABASE_URL", "NOTES_JWKS_URL"],
}
BOTH = ["GATEWAY_URL", "KAFKA_BOOTSTRAP_SERVERS"]
CHECK = ["manage.py", "check"]
PASSWORD = "Kestrel-of-the-database"


def start(project, arguments, environment):
    """Runs a program of a project with this environment alone, to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project_folder(project),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(ended):
    """The lines that a person gets of a program that failed, on standard error."""
    assert ended.returncode == 1
    text = ended.stdout + ended.stderr
    assert "Traceback" not in text
    assert "Warning" not in text
    assert PASSWORD not in text
    return ended.stderr.splitlines()


@pytest.fixture(params=["users", "notes"])
def project(request):
    return request.param


@pytest.fixture
def free_port():
    return free_ports()


@pytest.mark.parametrize("program", [CHECK, GUNICORN], ids=["check", "gunicorn"])
def test_an_empty_environment_is_refused_with_all_that_is_missing(project, program):
    first, *lines = refusal(start(project, program, {}))
    assert first == "The settings are not complete:"
    missing = {line.split()[1] for line in lines if line.startswith(f"  {project}.E001 ")}
    assert missing == {*REQUIRED[project], *BOTH}
    assert len(lines) == len(missing)


MALFORMED = {
    "DEBUG": "maybe",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
    "GATEWAY_URL": "http://localhost:4000/notes",
    "COMPARISON_SECRET": "x" * 49,
}
MALFORMED_BY_PROJECT = {
    "users": {"KAFKA_TOPIC_PARTITIONS": "many", "USERS_SECRET_KEY": "x" * 49},
    "notes": {"NOTES_SECRET_KEY": "x" * 49},
}


def test_malformed_values_are_named(stack, project):
    wrong = MALFORMED | MALFORMED_BY_PROJECT[project]
    first, *lines = refusal(start(project, CHECK, stack.environment_of(project) | wrong))
    assert first == "The settings are not complete:"
    for name in wrong:
        assert any(line.startswith(f"  {project}.E002 {name} cannot be read. ") for line in lines)
    assert len(lines) == len(wrong)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{PASSWORD}@localhost/name",
        f"nonsense://user:{PASSWORD}@localhost/name",
        f"user:{PASSWORD}",
        f"postgres://user:{PASSWORD}@localhost",
    ],
)
def test_a_malformed_database_url_is_named_and_not_shown(stack, project, url):
    name = f"{project.upper()}_DATABASE_URL"
    _, line = refusal(start(project, CHECK, stack.environment_of(project) | {name: url}))
    assert line.startswith(f"  {project}.E002 {name} cannot be read. ")


def test_debug_is_off_unless_asked_for(stack, project):
    program = ["-c", "from config import settings; print(settings.DEBUG)"]
    quiet = {
        name: value for name, value in stack.environment_of(project).items() if name != "DEBUG"
    }
    for variables, expected in (
        (quiet, "False"),
        (quiet | {"DEBUG": ""}, "False"),
        (quiet | {"DEBUG": "true"}, "True"),
    ):
        ended = start(project, program, variables)
        assert ended.stdout.strip() == expected, ended.stderr
    assert "DEBUG" not in stack.environment()


def test_a_database_that_is_not_there(stack, project, free_port):
    name = f"{project.upper()}_DATABASE_URL"
    url = f"postgres://{project}:{PASSWORD}@127.0.0.1:{free_port}/{project}_db"
    variables = stack.environment_of(project) | {name: url}
    (line,) = refusal(start(project, ["manage.py", "migrate"], variables))
    assert line.startswith(f"{name}: the database at 127.0.0.1:{free_port}/{project}_db cannot")
    assert line.endswith("Start it, or correct the variable.")


def test_a_wrong_password_of_the_database(stack, project):
    name = f"{project.upper()}_DATABASE_URL"
    port = {"users": stack.users_db, "notes": stack.notes_db}[project].port
    url = f"postgres://{project}:{PASSWORD}@127.0.0.1:{port}/{project}_db"
    variables = stack.environment_of(project) | {name: url}
    (line,) = refusal(start(project, ["manage.py", "migrate"], variables))
    assert line.startswith(f"{name}: the database at 127.0.0.1:{port}/{project}_db cannot be used")
    assert "password authentication failed" in line


def last_line(ended):
    """Of a program that logs before it fails."""
    return refusal(ended)[-1]


def test_a_broker_that_is_not_there(manage, free_port):
    servers = f"127.0.0.1:{free_port}"
    line = last_line(manage("users", "create_topics", KAFKA_BOOTSTRAP_SERVERS=servers))
    assert line.startswith(f"CommandError: Kafka at {servers} cannot create the topic")


def test_a_topic_with_another_number_of_partitions(manage):
    name = f"test-{uuid.uuid4()}"
    created = manage("users", "create_topics", KAFKA_TOPIC=name, KAFKA_TOPIC_PARTITIONS="3")
    assert (created.returncode, created.stdout) == (0, f"{name}: created\n")
    line = last_line(manage("users", "create_topics", KAFKA_TOPIC=name, KAFKA_TOPIC_PARTITIONS="4"))
    assert f"The topic {name} exists and differs: partitions is 3, not 4. " in line


def test_a_topic_that_is_not_there(manage):
    name = f"test-{uuid.uuid4()}"
    line = last_line(manage("notes", "consume_user_events", KAFKA_TOPIC=name))
    assert f"The topic {name} cannot be read" in line
    assert "`manage.py create_topics` of users_project" in line


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_web_servers_without_keys(stack, tmp_path, place):
    folder = tmp_path / place
    if place == "empty":
        folder.mkdir()
    variables = stack.environment_of("users") | {"USERS_SIGNING_KEYS_DIR": str(folder)}
    lines = refusal(start("users", GUNICORN, variables))
    assert any("rotate_signing_key" in line for line in lines)


def test_a_port_in_use(stack):
    """The running web server's own."""
    ended = start("users", GUNICORN, with_role(stack.environment_of("users"), "users", "users_web"))
    assert ended.returncode == 1
    assert f"Can't connect to ('127.0.0.1', {stack.users.port})" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
