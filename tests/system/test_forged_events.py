"""Somebody writes of a user into the topic, past users_project: what is documented repairs it."""

import json

import pytest
from confluent_kafka import Producer

from tests.faults.invariants import FACTS, TOPIC
from tests.faults.poison import event
from tests.system.client import new_name

# As docs/events has it.
LAST_VERSION = 2**53 - 1
ALL_FACTS = f"SELECT {FACTS} FROM users WHERE id = %s"
SHADOW = "SELECT username, version FROM users WHERE id = %s"


@pytest.fixture
def forge(stack, notes_sql, wait_until):
    """Sends an event of the last version, to the user's partition or so many further."""

    def forge(user_id, kind, further):
        known = "SELECT partition FROM event_log WHERE user_id = %s"
        wait_until(lambda: notes_sql(known, [user_id]))
        partition = (notes_sql(known, [user_id])[0][0] + further) % 12
        value = json.dumps(event(user_id, type=kind, data={"version": LAST_VERSION}))
        producer = Producer({"bootstrap.servers": stack.kafka.bootstrap_servers})
        producer.produce(TOPIC, value, user_id, partition)
        assert producer.flush(20) == 0
        wait_until(lambda: notes_sql(SHADOW, [user_id]) == [("poisoned", LAST_VERSION)])

    return forge


@pytest.mark.parametrize(
    ("repair", "kind", "further"),
    [
        ("reconcile_topic", "user.updated.v1", 0),
        ("republish_users --above VERSION ID", "user.snapshot.v1", 0),
        ("republish_users --above VERSION ID", "user.snapshot.v1", 1),
    ],
)
def test_a_forged_event_is_repaired_and_the_account_lives_on(
    api, users_sql, notes_sql, manage, wait_until, forge, repair, kind, further
):
    client = api.sign_in()
    user_id = client.user.id
    assert client.post("/api/v1/notes/", json={"title": "Mine"}).status_code == 201
    forge(user_id, kind, further)

    def require_equal():
        assert users_sql(ALL_FACTS, [user_id]) == notes_sql(ALL_FACTS, [user_id])
        assert manage("notes", "compare_users").returncode == 0
        if not further:  # Else which message of the user is the last depends on who reads.
            assert manage("users", "reconcile_topic", "--dry-run").returncode == 0

    assert f"ahead    {user_id}" in manage("notes", "compare_users").stdout
    words = {"VERSION": str(LAST_VERSION), "ID": user_id}
    manage("users", *(words.get(word, word) for word in repair.split())).check_returncode()
    wait_until(lambda: notes_sql(SHADOW, [user_id])[0][0] == client.user.username)
    require_equal()

    for name in [new_name() for _ in range(5)]:
        assert client.patch("/api/v1/users/me/", json={"username": name}).status_code == 200
        wait_until(lambda name=name: notes_sql(SHADOW, [user_id])[0][0] == name)
        assert client.get("/api/v1/notes/").json()["results"][0]["title"] == "Mine"
    require_equal()
    client.user.username = name
    assert client.post("/api/v1/auth/logout-all/").status_code == 204
    wait_until(lambda: client.get("/api/v1/notes/").status_code == 401)
    again = api.sign_in(client.user)
    assert again.get("/api/v1/notes/").json()["results"][0]["title"] == "Mine"
    password = {"password": client.user.password}
    assert again.delete("/api/v1/users/me/", json=password).status_code == 204
    wait_until(lambda: not notes_sql(SHADOW, [user_id]))
    require_equal()
