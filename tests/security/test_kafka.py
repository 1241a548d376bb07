"""Both services on a broker that asks who they are, set up by docs/security.md, section Kafka."""

import secrets
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from devstack.ports import free_ports
from devstack.services import Service
from tests.security.secured import SecuredKafka

NOT_ALLOWED = "Kafka's rules do not let KAFKA_USERNAME do so: docs/security.md, Kafka."


@pytest.fixture(scope="module")
def kafka(stack, tmp_path_factory):
    first = free_ports(2)
    broker = SecuredKafka(
        *("kafka-secured", stack.children, tmp_path_factory.mktemp("kafka"), [(first, first + 1)]),
        passwords={name: secrets.token_hex(16) for name in ("broker", "users", "notes")},
        topic="user-events-secured",
    )
    broker.folder.mkdir(exist_ok=True)
    broker.start()
    try:
        broker.wait_ready(120)
        broker.let_in()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def service(stack, kafka):
    """`with service(part, name) as process`: the relay or consumer, as somebody to Kafka."""

    @contextmanager
    def service(part, name):
        process = Service(
            *(f"{part.name}-{name}", part.project),
            children=stack.children,
            arguments=part.arguments,
            environment=lambda project: stack.environment_of(project) | kafka.environment(name),
        )
        process.start()
        try:
            yield process
        finally:
            process.stop()

    return service


@pytest.fixture(scope="module")
def command(manage, kafka):
    """Runs a command of a project as somebody to Kafka; gives its exit code and what it said."""

    def command(name, project, *arguments, **variables):
        done = manage(project, *arguments, **kafka.environment(name) | variables)
        return done.returncode, done.stdout + done.stderr

    return command


@pytest.fixture(scope="module")
def paused(stack):
    """Without the relay and the consumer that know the other broker."""
    parts = [stack.relay, stack.consumer]
    for part in parts:
        part.stop()
    yield
    for part in parts:
        part.start()
        part.wait_ready()


@pytest.fixture(scope="module")
def topic(paused, command):
    assert command("users", "users", "create_topics") == (0, "user-events-secured: created\n")
    assert command("users", "users", "create_topics")[0] == 0


@pytest.fixture
def running(stack, service, topic):
    with service(stack.relay, "users"), service(stack.consumer, "notes"):
        yield


@pytest.fixture
def arrived(notes_sql, wait_until):
    def arrived(user):
        wait_until(lambda: notes_sql("SELECT 1 FROM users WHERE id = %s", [user.id]))

    return arrived


@pytest.mark.usefixtures("running")
def test_events_go_through(api, arrived):
    arrived(api.register())


@pytest.mark.usefixtures("running")
def test_commands_do_their_work(api, arrived, command, users_sql, wait_until, kafka, notes_sql):
    user = api.register()
    assert command("users", "users", "republish_users")[0] == 0
    wait_until(lambda: users_sql("SELECT count(*) FROM outbox") == [(0,)])
    arrived(user)
    for project, arguments in {
        "users": [["pipeline_status"], ["trace_user", user.id], ["reconcile_topic", "--dry-run"]],
        "notes": [["pipeline_status"], ["trace_user", user.id], ["rebuild_users", "--dry-run"]],
    }.items():
        for words in arguments:
            code, said = command(project, project, *words)
            assert code == 0, said
    producer = Producer(kafka.client("users"))
    producer.produce(kafka.topic, b"no event", b"no user")
    assert producer.flush(30) == 0
    letters = "SELECT count(*) FROM dead_letters WHERE topic = %s AND resolution IS NULL"
    wait_until(lambda: notes_sql(letters, [kafka.topic]) == [(1,)])
    assert command("notes", "notes", "replay_dead_letters", "--all")[0] == 1
    assert command("notes", "notes", "discard_dead_letters", "--all", "--reason", "a test")[0] == 0


def test_all_can_be_read_again(stack, service, topic, api, command, arrived):
    """For that it asks who is in the group."""
    user = api.register()
    with service(stack.relay, "users"):
        code, said = command(
            *("notes", "notes", "consume_user_events"), "--from-beginning", "--until-caught-up"
        )
        assert code == 0, said
        with service(stack.consumer, "notes"):
            arrived(user)


def test_the_notes_service_cannot_write_the_topic(
    stack, service, topic, api, arrived, wait_until, users_sql
):
    """What it cannot send stays, and is sent by whoever may."""
    user = api.register()
    with service(stack.relay, "notes") as relay:
        wait_until(lambda: any(NOT_ALLOWED in line for line in list(relay.process.tail)))
        assert relay.running
    assert users_sql("SELECT 1 FROM outbox WHERE aggregateid = %s", [user.id])
    with service(stack.relay, "users"), service(stack.consumer, "notes"):
        arrived(user)


@pytest.mark.usefixtures("topic")
def test_the_users_service_cannot_read_as_the_group(command):
    code, said = command("users", "notes", "consume_user_events")
    assert code == 1
    last = said.splitlines()[-1]
    assert "Group authorization failed" in last
    assert last.endswith(NOT_ALLOWED)


@pytest.mark.usefixtures("topic")
def test_what_else_is_not_allowed_is_named(command):
    code, said = command("notes", "users", "create_topics", KAFKA_TOPIC="another")
    assert code == 1
    assert "Topic authorization failed" in said
    assert said.endswith(f"{NOT_ALLOWED}\n")
    code, said = command("notes", "notes", "pipeline_status", KAFKA_TOPIC="another")
    assert code == 1
    assert said.endswith(f"{NOT_ALLOWED}\n")


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("notes", "users", ["pipeline_status"]),
        ("notes", "users", ["rebuild_users", "--dry-run"]),
        ("notes", "users", ["consume_user_events", "--from-beginning", "--once"]),
        ("users", "notes", ["create_topics"]),
        ("users", "notes", ["reconcile_topic", "--dry-run"]),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else each,
)
def test_a_wrong_password(command, name, other, words):
    code, said = command(name, name, *words, KAFKA_USERNAME=other)
    assert code == 1
    assert "Authentication failed" in said


def test_a_service_without_a_name_does_not_start(command):
    """Where Kafka is to be told who it is."""
    code, said = command("notes", "notes", "check", KAFKA_USERNAME="", KAFKA_PASSWORD_FILE="")
    assert code == 1
    for name in ("KAFKA_USERNAME", "KAFKA_PASSWORD"):
        assert f"notes.E001 {name} is not set." in said
