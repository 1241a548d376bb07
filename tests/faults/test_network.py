"""The network is cut between each two parts, both ways and one way, and statements are slow."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.faults import operations
from tests.faults.invariants import require
from tests.faults.network import BOTH_WAYS, ONE_WAY, TO_CLIENT
from tests.faults.parts import HEALING
from tests.faults.stacks import NetworkStack
from tests.system.client import Api, Client, User, new_name

JOIN_GROUP = 11  # Kafka's protocol guide, API keys.
pytestmark = pytest.mark.on(stack=NetworkStack)
covers = pytest.mark.covers


@covers("the gateway gives up on a service that does not answer", off="gateway_limits", breaks="I6")
@pytest.mark.parametrize("project", ["users", "notes"])
def test_gateway_cut_from(system, rng, project):
    other = {"users": "notes", "notes": "users"}[project]
    with system.under_load(rng) as load:
        for ways in _cuts(rng):
            with system.stack.network[f"gateway-{project}"].cut(ways):
                system.wait(lambda: system.readiness(project, 3) == 504, f"I6: {project} is red")
                require(system.readiness(other) == 200, f"{other} answers no more")
            system.wait_for_answers(load)


@covers(
    "a connection to a database is given up within seconds", off="connection_limits", breaks="I6"
)
@pytest.mark.parametrize("project", ["users", "notes"])
def test_web_servers_cut_from_their_database(system, rng, project):
    other = {"users": "notes", "notes": "users"}[project]
    with system.under_load(rng) as load:
        for ways in _cuts(rng):
            with system.stack.network[f"{project}-{project}_db"].cut(ways):
                system.wait(lambda: system.readiness(project) == 503, f"I6: {project} is red")
                require(system.readiness(other) == 200, f"{other} answers no more")
            system.wait_for_answers(load)


@covers("a relay whose database is away waits", off="relay_retries", breaks="I6: relay ended")
def test_relay_cut_from_users_db(system, rng):
    _wait_out(system, rng, "relay", "users_db", "database_unavailable")


@covers("a row that Kafka did not acknowledge stays", off="delivery_reports", breaks="I1")
def test_relay_cut_from_kafka(system, rng):
    _wait_out(system, rng, "relay", "kafka", "nothing_sent")


@covers(
    "a consumer whose database is away waits", off="consumer_retries", breaks="I6: consumer ended"
)
def test_consumer_cut_from_notes_db(system, rng):
    # Who is in a transaction that was cut off writes no first note until PostgreSQL has ended it.
    excused = {("note", 503)}
    _wait_out(system, rng, "consumer", "notes_db", "database_unavailable", excused)


@covers(
    "a consumer whose broker is away waits", off="consumer_retries", breaks="I6: consumer ended"
)
def test_consumer_cut_from_kafka(system, rng):
    _wait_out(system, rng, "consumer", "kafka", "broker_unavailable")


@covers(
    "a member of the group does not wait five minutes for an answer",
    off="limit_to_joining",
    breaks="I6: what was sent is read",
)
def test_kafka_does_not_answer_who_joins(system, rng):
    """Everything else it answers, so the connection is whole, and the group has a new member."""
    with system.under_load(rng):
        lost = system.stack.network["consumer-kafka"].lose_answer(JOIN_GROUP)
        system.restart("consumer")
        system.reach(lost.is_set, "it joins")
        system.wait_until_applied(2 * HEALING)  # It waits for max.poll.interval.ms first.


@covers(
    "tokens are verified with the file of keys too",
    off="key_file",
    breaks="the API does not answer",
)
def test_notes_cut_from_the_public_keys(system, rng):
    with system.under_load(rng) as load:
        link = system.stack.network["notes-users"]
        with link.cut(rng.choice(_cuts(rng))):
            system.restart("notes")  # It has no key in memory.
            system.require_answers(load, time.monotonic())


@covers(
    "many messages are applied by a few statements",
    off="batches",
    breaks="I6: what was sent is read",
)
@pytest.mark.parametrize("seconds", [0.2, 2])
def test_statements_are_slow(system, rng, seconds):
    """Changes by plain SQL come as fast as ever; relay and consumer keep up."""
    links = system.stack.network.links
    with system.under_load(rng), Api(system.stack.gateway_url) as api, ExitStack() as slow:
        client, newcomer = api.sign_in(), User()
        asked = [
            (Client(api.url, newcomer), "POST", "/api/v1/users/", newcomer.registration),
            (client, "PATCH", "/api/v1/users/me/", {"username": new_name()}),
            (client, "POST", "/api/v1/notes/", {"title": "Slowly", "tags": ["slow"]}),
            (client, "GET", "/api/v1/notes/", None),
        ]
        for name in [name for name in links if name.endswith("_db")]:
            slow.enter_context(links[name].slow(seconds))
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(lambda each: each[0].request(*each[1:3], json=each[3]), asked))
        found = [answer.status_code for answer in answers]
        require(found == [201, 200, 201, 200], f"the API answers with {found}")
        system.wait_for_changes(500)  # One by one they would take ten minutes and more.
        system.wait_until_applied(2 * HEALING)  # Of a batch each statement takes its time.


@covers(
    "who loses the lock drops what it has not sent, and the next one waits for that",
    off="hand_over",
    breaks="I4",
)
def test_relay_loses_its_lock_with_messages_in_hand(system, rng):
    """Kafka's answers stay away, so only some are on their way. The next relay has all links."""
    to_kafka, to_users_db = (system.stack.network[f"relay-{to}"] for to in ("kafka", "users_db"))
    with system.under_load(rng):
        point = ("SIGSTOP", "before", "outbox.relay.Relay._pending", rng.randint(20, 40))
        mark = system.restart("relay", failpoint=point)
        system.reach(mark.exists, "the relay is about to read rows")
        crowd, sent = system.register_crowd(), system.ends()
        system.another("relay", environment=system.stack.environment_of("users"))
        lines = system.new_lines("relay")
        with to_kafka.cut(TO_CLIENT):
            operations.wake(system.stack.relay)
            system.reach(lambda: system.ends() != sent, "it sends")
            with to_users_db.cut(BOTH_WAYS):
                to_users_db.reset()
                system.rename(*crowd)
                system.reach(lambda: not system.waits_in_outbox(crowd), "the next one has sent all")
        system.reach(lambda: "database_unavailable" in lines(), "the first one notices")
        system.wait_until_applied()


def _cuts(rng):
    """Both ways and one way, in any order."""
    return rng.sample([BOTH_WAYS, rng.choice(ONE_WAY)], 2)


def _wait_out(system, rng, name, server, event, excused=()):
    """The part notices, the API does not; the part goes on where it was, as the same process."""
    with system.under_load(rng) as load:
        for ways in _cuts(rng):
            cut = time.monotonic()
            with system.stack.network[f"{name}-{server}"].cut(ways):
                system.wait_for_log(name, event)
                system.require_answers(load, cut, excused)
            system.wait_until_applied()
