"""What cannot be read is set aside and seen to, and the others go on."""

import base64
import json

import pytest

from devstack import admin
from tests.faults import operations, poison
from tests.faults.invariants import TOPIC, positions, require
from tests.system.browser import Browser
from tests.system.client import User

covers, short = pytest.mark.covers, pytest.mark.short

LETTERS = (
    'SELECT id, partition, "offset", key, value, headers, reason FROM dead_letters'
    " WHERE resolution IS NULL ORDER BY id"
)
STATUS = "pipeline_status --max-lag 1000 --max-dead-letters 0"


@covers("a bad message is set aside whole", off="dead_letters", breaks="0 of")
@short
def test_poison(system, rng):
    with system.under_load(rng) as load:
        ((user_id,),) = system.users_sql(
            "INSERT INTO users (email, username, password)"
            " VALUES (gen_random_uuid() || '@mailbox.example', gen_random_uuid(), '!')"
            " RETURNING id::text"
        )
        query = "SELECT username, version FROM users WHERE id = %s"
        system.reach(lambda: system.notes_sql(query, [user_id]), "the user has a shadow")
        before = system.notes_sql(query, [user_id])
        operations.run(system, "notes", STATUS)

        poisons = poison.poisons(user_id)
        rng.shuffle(poisons)
        sent = poison.send(system.stack.kafka.bootstrap_servers, poisons)
        system.foreign |= set(sent)
        system.reach(lambda: read_beyond(system, sent), "all are read")
        letters = system.notes_sql(LETTERS)
        require(len(letters) == len(sent), f"{len(letters)} of {len(sent)} bad messages are kept")
        for letter in letters:
            require_whole(letter, sent)
        require(system.notes_sql(query, [user_id]) == before, "I1: the user was changed")
        system.reach_answers(load)

        status = json.loads(system.manage("notes", "pipeline_status", "--json"))
        assert status["dead_letters"] == len(letters)
        assert f"dead letters: {len(letters)}" in operations.run(system, "notes", STATUS, code=1)
        require_seen_in_the_admin(system, letters, sent)
        operations.run(system, "notes", "replay_dead_letters --all --dry-run", code=1)
        assert system.notes_sql(LETTERS) == letters
        operations.run(system, "notes", "discard_dead_letters --all --reason WHY", WHY=["a test"])
        operations.run(system, "notes", STATUS)


def read_beyond(system, places):
    stored = positions(system.notes_sql)
    return all(stored.get(number, 0) > offset for number, offset in places)


def require_whole(letter, sent):
    """Reason, bytes, headers and place of a dead letter are those of the message."""
    _, partition, offset, key, value, headers, reason = letter
    expected = sent[partition, offset]
    found = [(name, value and base64.b64decode(value)) for name, value in headers]
    # An empty value is no missing one.
    found = [(name, b"" if value == "" else value) for name, value in found]
    require(
        (key, value, found, reason)
        == (expected.key, expected.value, expected.headers, expected.reason),
        f"the letter is not the message: {expected.name}: {reason}, not {expected.reason}",
    )


def require_seen_in_the_admin(system, letters, sent):
    folder = system.stack.folder
    staff = User(admin.USERNAME, password=admin.password_file(folder).read_text().strip())
    pages = "/admin/notes/inbox/deadletter/"
    with Browser(system.stack.gateway_url, staff) as browser:
        listed = browser.sign_in(f"{pages}?resolution=open").text
        for number, partition, offset, _, value, _, reason in letters:
            place = f"{TOPIC}[{partition}]@{offset}"
            assert place in listed
            page = browser.open(f"{pages}{number}/change/").text
            shown = "null" if value is None else value[:4096].hex(" ")
            assert all(text in page for text in (place, reason, shown)), sent[partition, offset]


@covers(
    "too many bad messages in a row stop the consumer",
    off="dead_letter_limit",
    breaks="the consumer",
)
def test_release_that_cannot_read(system, rng):
    """Nothing but the operator starts it again; then what it set aside is applied."""
    stopped = "messages could not be applied"
    with system.under_load(rng):
        system.restart("consumer", without="reader")
        operations.wait_for_stop(system, "consumer", stopped)
        system.stack.consumer.start()
        operations.wait_for_stop(system, "consumer", stopped)

        system.put_back("consumer")  # The release that can read.
        system.stack.consumer.start()
        operations.wait_for_stop(system, "consumer", stopped)
        letters = len(system.notes_sql(LETTERS))
        told = operations.run(system, "notes", "replay_dead_letters --all --dry-run")
        assert told.count("can be read now") == letters >= 100
        system.manage("notes", "replay_dead_letters", "--all")
        assert system.notes_sql(LETTERS) == []
        operations.start(system, "consumer")
