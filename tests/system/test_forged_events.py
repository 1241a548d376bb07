"""Somebody writes of a user into the topic, past users_project: what is documented repairs it."""

import json

import pytest

from tests.faults.poison import Poison, event, send
from tests.system.client import new_name

# As docs/events has it.
LAST_VERSION = 2**53 - 1
QUERY = "SELECT id, username, created_at, version, is_active, tokens_valid_after FROM users"


@pytest.fixture
def equal(users_sql, notes_sql, manage):
    """Whether both sides have the user alike, and the comparison and the topic agree."""

    def equal(user_id):
        rows = [sql(f"{QUERY} WHERE id = %s", [user_id]) for sql in (users_sql, notes_sql)]
        commands = ("notes", "compare_users"), ("users", "reconcile_topic", "--dry-run")
        return rows[0] == rows[1] and not any(manage(*words).returncode for words in commands)

    return equal


@pytest.mark.parametrize("kind", ["user.updated.v1", "user.snapshot.v1"])
@pytest.mark.parametrize(
    "repair", ["reconcile_topic", "republish_users --above VERSION ID"], ids=lambda r: r[:9]
)
def test_a_forged_event_is_repaired_and_the_account_lives_on(
    stack, api, notes_sql, manage, wait_until, equal, repair, kind
):
    client = api.sign_in()
    user_id = client.user.id
    assert client.post("/api/v1/notes/", json={"title": "Mine"}).status_code == 201
    shadow = "SELECT username, version FROM users WHERE id = %s"
    wait_until(lambda: notes_sql(shadow, [user_id]))

    forged = json.dumps(event(user_id, type=kind, data={"version": LAST_VERSION})).encode()
    send(stack.kafka.bootstrap_servers, [Poison("", "", user_id.encode(), forged, [])])
    wait_until(lambda: notes_sql(shadow, [user_id]) == [("poisoned", LAST_VERSION)])
    assert f"ahead    {user_id}" in manage("notes", "compare_users").stdout

    words = {"VERSION": str(LAST_VERSION), "ID": user_id}
    manage("users", *(words.get(word, word) for word in repair.split())).check_returncode()
    wait_until(lambda: notes_sql(shadow, [user_id])[0][0] == client.user.username)
    assert equal(user_id)

    for name in [new_name() for _ in range(5)]:
        assert client.patch("/api/v1/users/me/", json={"username": name}).status_code == 200
        wait_until(lambda name=name: notes_sql(shadow, [user_id])[0][0] == name)
        assert client.get("/api/v1/notes/").json()["results"][0]["title"] == "Mine"
    assert equal(user_id)
    client.user.username = name
    assert client.post("/api/v1/auth/logout-all/").status_code == 204
    wait_until(lambda: client.get("/api/v1/notes/").status_code == 401)
    again = api.sign_in(client.user)
    assert again.get("/api/v1/notes/").json()["results"][0]["title"] == "Mine"
    password = {"password": client.user.password}
    assert again.delete("/api/v1/users/me/", json=password).status_code == 204
    wait_until(lambda: not notes_sql(shadow, [user_id]))
    assert equal(user_id)
