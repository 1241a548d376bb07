"""From a committed change in users_db to the shadow user in notes_db, on the real servers."""

import itertools
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from devstack.services import Service
from tests.system.client import MAIL_DOMAIN, new_name

FACTS = "id, username, created_at, version, is_active, tokens_valid_after"
INSERT = f"""
INSERT INTO users (email, username, password)
SELECT %(prefix)s || n || '@{MAIL_DOMAIN}', %(prefix)s || n, '!'
FROM generate_series(%(first)s::int, %(last)s::int) AS n RETURNING id
"""


def some(count, first=1):
    return {"prefix": new_name(), "first": first, "last": first + count - 1}


@pytest.fixture
def insert(users_sql):
    """Registers users by plain SQL; gives their ids."""
    return lambda count=1: [row[0] for row in users_sql(INSERT, some(count))]


@pytest.fixture
def equal(users_sql, notes_sql):
    """Whether the outbox is empty and the shadow users are the users, row by row."""

    def equal():
        query = f"SELECT {FACTS} FROM users ORDER BY id"
        return users_sql("SELECT count(*) FROM outbox") == [(0,)] and (
            users_sql(query) == notes_sql(query)
        )

    return equal


@pytest.fixture
def restored(stack, equal, wait_until):
    """Starts again whatever a test stopped or killed, and waits until both sides are equal."""
    yield
    for part in stack.parts:
        part.start()
    for part in stack.parts:
        part.wait_ready()
    wait_until(equal)


@pytest.fixture
def shadow(notes_sql):
    """The shadow user's row, or None."""

    def shadow(user_id):
        rows = notes_sql(f"SELECT {FACTS} FROM users WHERE id = %s", [user_id])
        return rows[0] if rows else None

    return shadow


@pytest.fixture
def outcomes(notes_sql):
    query = "SELECT outcome FROM event_log WHERE user_id = %s"
    return lambda user_id: [row[0] for row in notes_sql(query, [user_id])]


@pytest.fixture
def logged(notes_sql):
    """How many rows the event log has got since the test began, and of how many messages."""
    ((newest,),) = notes_sql("SELECT COALESCE(max(id), 0) FROM event_log")
    query = 'SELECT count(*), count(DISTINCT (partition, "offset")) FROM event_log WHERE id > %s'
    return lambda: notes_sql(query, [newest])[0]


@pytest.fixture
def registrations(stack):
    """Registers users in small transactions: at least so many, and on until the block ends."""

    @contextmanager
    def registrations(count):
        user, enough = some(50), threading.Event()

        def work():
            with psycopg.connect(stack.users_db.url, autocommit=True) as connection:
                for first in itertools.count(1, 50):
                    connection.execute(INSERT, user | {"first": first, "last": first + 49})
                    if first > count and enough.wait(0.05):
                        return

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    return registrations


def test_every_way_to_register_reaches_the_shadow_table(
    api, insert, equal, users_sql, shadow, manage, wait_until
):
    api.register()
    renamed, deactivated, deleted = insert(3)
    bulk = [new_name(), new_name()]
    manage(
        "users",
        "shell",
        "--command",
        "from accounts.models import User\n"
        "User.objects.bulk_create(\n"
        f"    User(username=n, email=n + '@{MAIL_DOMAIN}', password='!') for n in {bulk!r}\n"
        ")\n"
        f"User.objects.filter(pk={str(renamed)!r}).update(username='renamed-' + {bulk[0]!r})\n",
    ).check_returncode()
    users_sql("UPDATE users SET is_active = false WHERE id = %s", [deactivated])
    users_sql("DELETE FROM users WHERE id = %s", [deleted])
    wait_until(equal)
    assert shadow(renamed)[1] == f"renamed-{bulk[0]}"
    assert shadow(deactivated)[4] is False
    assert shadow(deleted) is None
    for username in bulk:
        (row,) = users_sql("SELECT id FROM users WHERE username = %s", [username])
        assert shadow(row[0])


def test_a_rolled_back_registration_reaches_nobody(stack, insert, shadow, outcomes, wait_until):
    with psycopg.connect(stack.users_db.url) as connection:
        (ghost,) = connection.execute(INSERT, some(1)).fetchone()
        connection.rollback()
    (after,) = insert()
    wait_until(lambda: shadow(after))
    assert shadow(ghost) is None
    assert outcomes(ghost) == []


@pytest.mark.usefixtures("restored")
def test_the_first_note_does_not_wait_for_the_event(stack, api, shadow, outcomes, wait_until):
    assert stack.consumer.stop() == 0
    client = api.sign_in()
    assert shadow(client.user.id) is None
    assert client.post("/api/v1/notes/", json={"title": "At once"}).status_code == 201
    provisioned = shadow(client.user.id)
    assert provisioned[1] == client.user.username
    stack.consumer.start()
    wait_until(lambda: outcomes(client.user.id))
    assert outcomes(client.user.id) == ["duplicate"]
    assert shadow(client.user.id) == provisioned


@pytest.mark.usefixtures("restored")
def test_kafka_may_be_away(stack, api, equal, wait_until):
    early = api.sign_in()
    stack.kafka.stop()
    late = api.sign_in()
    for client in (early, late):
        assert client.post("/api/v1/notes/", json={"title": "No broker"}).status_code == 201
    assert late.patch("/api/v1/users/me/", json={"username": new_name()}).status_code == 200
    assert not equal()
    stack.kafka.start()
    stack.kafka.wait_ready()
    wait_until(equal)


@pytest.mark.usefixtures("restored")
def test_notes_go_on_without_users_project(stack, api, manage):
    client = api.sign_in()
    # As operators do it after a rotation, and there may have been some.
    Path(stack.environment()["NOTES_JWKS_FILE"]).write_text(manage("users", "print_jwks").stdout)
    stack.relay.stop()
    stack.users.stop()
    stack.notes.stop()
    stack.notes.start()  # With no keys in memory: they come from the file.
    stack.notes.wait_ready()
    assert client.post("/api/v1/notes/", json={"title": "Alone"}).status_code == 201
    notes = client.get("/api/v1/notes/").json()["results"]
    assert [note["title"] for note in notes] == ["Alone"]


REVOCATIONS = [
    "UPDATE users SET password = '!' WHERE id = %s",
    "UPDATE users SET tokens_valid_after = now() WHERE id = %s",
    "UPDATE users SET is_active = false WHERE id = %s",
    "DELETE FROM users WHERE id = %s",
]


@pytest.mark.usefixtures("restored")
def test_the_notes_hear_of_revocations_without_users_project(stack, api, users_sql, wait_until):
    """By the events, long before the tokens are too old."""
    clients = [api.sign_in() for _ in REVOCATIONS]
    stack.users.stop()
    assert [client.get("/api/v1/notes/").status_code for client in clients] == [200] * 4
    for change, client in zip(REVOCATIONS, clients, strict=True):
        users_sql(change, [client.user.id])
    wait_until(
        lambda: {client.get("/api/v1/notes/").status_code for client in clients} == {401}, 30
    )


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("name", ["users_db", "notes_db"])
def test_a_database_killed_in_the_middle_heals(stack, insert, equal, name, wait_until):
    workers = [stack.relay.process, stack.consumer.process]
    insert(2000)
    database = getattr(stack, name)
    database.kill()
    database.start()
    database.wait_ready()
    insert(100)
    wait_until(equal)
    assert all(worker.running for worker in workers)  # They waited, and went on.


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_relay_and_consumer_may_end_at_any_moment(
    stack, registrations, logged, equal, ending, wait_until
):
    """Ten thousand registrations, and each worker ended three times in the middle of them."""
    with registrations(10_000):
        for worker in [stack.relay, stack.consumer] * 3:
            before = logged()[0]
            wait_until(lambda before=before: logged()[0] > before)
            if ending == signal.SIGTERM:
                assert worker.stop() == 0
            else:
                worker.kill()
            worker.start()
            worker.wait_ready()
    wait_until(equal)
    rows, messages = logged()
    assert rows == messages  # Each message of the topic was recorded once.


@pytest.mark.usefixtures("restored")
def test_a_standby_relay_takes_over(stack, registrations, logged, equal, wait_until):
    standby = Service(
        "relay-2",
        "users",
        children=stack.children,
        environment=stack.environment_of,
        arguments=["manage.py", "relay_outbox"],
    )
    standby.start()
    try:
        with registrations(2000):
            before = logged()[0]
            wait_until(lambda: logged()[0] > before)
            stack.relay.kill()
        wait_until(equal)
    finally:
        assert standby.stop() == 0


def test_positions_are_where_the_event_log_ends(notes_sql, equal, wait_until):
    wait_until(equal)
    positions = notes_sql("SELECT partition, next_offset FROM positions ORDER BY 1")
    query = 'SELECT partition, max("offset") + 1 FROM event_log GROUP BY 1 ORDER BY 1'
    assert positions == notes_sql(query)


def test_registrations_in_parallel_all_arrive(api, equal, wait_until):
    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(lambda _: api.register(), range(24)))
    assert len({user.id for user in users}) == 24
    wait_until(equal)


@pytest.mark.usefixtures("restored")
def test_a_web_server_whose_master_was_killed_starts_again_at_once(stack, api):
    """Its workers live on for a while and hold the port."""
    os.kill(stack.users.process.pid, signal.SIGKILL)
    stack.users.process.wait()
    stack.users.start()
    stack.users.wait_ready()
    api.register()
