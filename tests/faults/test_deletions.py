"""The token of a deleted user is used, while the deletion is applied and after that."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import operations
from tests.faults.invariants import require
from tests.system.client import Api, new_name

covers = pytest.mark.covers

NOTE = {"title": "Too late", "tags": ["late"]}
# Of a web server that waits for what the consumer holds.
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"


@covers("a tombstone: who is deleted stays away", off="tombstone", breaks="I8")
def test_token_used_after_the_deletion(system, rng):
    with system.under_load(rng), Api(system.stack.gateway_url) as api:
        client = api.sign_in()
        client.post("/api/v1/notes/", json=NOTE).raise_for_status()
        delete(client)
        system.wait_for_shadow(client.user.id, 2)
        system.restart("notes")
        answer = client.post("/api/v1/notes/", json=NOTE).status_code
        require(answer == 401, f"I8: a deleted user's token is answered with {answer}")


@covers("a token waits for the deletion of its user", off="user_locks", breaks="I8")
def test_token_used_while_the_deletion_is_applied(system, rng):
    """It tells of a newer version than notes_db has, so it would be stored."""
    with system.under_load(rng) as load, Api(system.stack.gateway_url) as api:
        user = api.register()
        system.wait_for_shadow(user.id)
        load.stop()  # The next deletion is the user's.
        system.wait_until_applied()
        operations.stop(system, "relay")
        name = {"username": new_name()}
        api.sign_in(user).patch("/api/v1/users/me/", json=name).raise_for_status()
        user.username = name["username"]
        client = api.sign_in(user)
        delete(client)
        point = ("SIGSTOP", "after", "users.gate.delete_users", 1)
        mark = system.restart("consumer", failpoint=point)
        operations.start(system, "relay")
        system.reach(mark.exists, "the consumer has deleted the user, and not committed it")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.post, "/api/v1/notes/", json=NOTE)
            system.reach(lambda: system.notes_sql(WAITING), "the web server waits for it")
            operations.wake(system.stack.consumer)
            answer = asked.result().status_code
        require(answer == 401, f"I8: a deleted user's token is answered with {answer}")
        system.start_load(rng)


def delete(client):
    """The account whose token the client has."""
    proof = {"password": client.user.password}
    client.delete("/api/v1/users/me/", json=proof).raise_for_status()
