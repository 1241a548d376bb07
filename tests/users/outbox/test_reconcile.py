"""The topic is compared with users_db, and made to follow it; against a real broker."""

import json
import re
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat, Now

from accounts.models import User
from outbox.kafka import OutgoingMessage
from outbox.messages import LAST_VERSION
from outbox.models import OutboxEvent
from outbox.reconcile import load, repair
from outbox.topic import read_topic
from tests.contract.schemas import EXAMPLES
from tests.faults.poison import poisons

pytestmark = pytest.mark.django_db(transaction=True)


def reconcile(*arguments):
    """What the command writes, as counts by name."""
    out = StringIO()
    try:
        call_command("reconcile_topic", *arguments, stdout=out)
    finally:
        reconcile.text = out.getvalue()
    counts = {name: int(count) for name, count, *_ in map(str.split, reconcile.text.splitlines())}
    reconcile.unreadable = counts.pop("unreadable")
    return counts


EQUAL = {"unsent": 0, "behind": 0, "deleted": 0, "unknown": 0}


@pytest.fixture
def behind_the_triggers():
    """Runs statements as a restore would."""

    def run(statement, parameters):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE users DISABLE TRIGGER USER")
            cursor.execute(statement, parameters)
            cursor.execute("ALTER TABLE users ENABLE TRIGGER USER")

    return run


@pytest.fixture
def restore(behind_the_triggers):
    """Gives a user the first version again."""

    def restore(user):
        behind_the_triggers(
            "INSERT INTO users (id, email, username, password) VALUES (%(id)s, %(email)s,"
            " %(username)s, '!') ON CONFLICT (id) DO UPDATE SET version = 1,"
            " username = EXCLUDED.username, updated_at = users.created_at",
            {"id": user.pk, "email": user.email, "username": user.username},
        )

    return restore


@pytest.fixture
def newest(kafka, created_topic):
    """The last event of each user in the topic."""

    def newest():
        batches = read_topic(kafka.bootstrap_servers, created_topic, 100)
        events = [json.loads(value) for batch in batches for _, value in batch]
        return {uuid.UUID(event["subject"]): event for event in events}

    return newest


def test_a_restored_database_is_found_out_and_repaired(
    pipeline, new_users, newest, restore, behind_the_triggers
):
    """What changed since the backup is in the topic and not in users_db."""
    ada, bob, cyd, _ = new_users("ada", "bob", "cyd", "dan")
    pipeline()
    assert reconcile("--dry-run") == EQUAL
    User.objects.filter(pk=ada.pk).update(username="lovelace")
    (eve,) = new_users("eve")
    User.objects.filter(pk=bob.pk).delete()
    pipeline()
    restore(ada)
    restore(bob)
    behind_the_triggers("DELETE FROM users WHERE id = %s", [eve.pk])
    behind_the_triggers("UPDATE users SET username = 'cydney' WHERE id = %s", [cyd.pk])
    found = {"unsent": 0, "behind": 2, "deleted": 1, "unknown": 1}
    found_out = r"^Users differ: 4\. Without --dry-run are repaired: "
    with pytest.raises(CommandError, match=rf"{found_out}2\. --delete is for the others: 2\.$"):
        reconcile("--dry-run")
    with pytest.raises(CommandError, match=rf"{found_out}4\.$"):
        reconcile("--dry-run", "--delete")
    assert not OutboxEvent.objects.exists()
    with pytest.raises(CommandError, match=r"^Users left: 2\. --delete deletes them"):
        reconcile()
    assert "repaired   2" in reconcile.text
    assert User.objects.filter(pk=bob.pk).exists()
    pipeline()
    assert reconcile("--delete") == found | {"behind": 0, "repaired": 2}
    assert f"deleted    1 ({bob.pk})" in reconcile.text
    assert f"unknown    1 ({eve.pk})" in reconcile.text
    pipeline()
    assert reconcile("--dry-run") == EQUAL
    last = newest()
    assert last[ada.pk]["data"]["username"] == "ada"
    assert last[ada.pk]["data"]["version"] == 3
    assert last[cyd.pk]["data"]["username"] == "cydney"
    assert last[eve.pk]["type"] == last[bob.pk]["type"] == "user.deleted.v1"
    assert not User.objects.filter(pk=bob.pk).exists()


def event(user_id, version, kind="user.updated.v1", **members):
    """A message that every reader takes; ``members`` differ, those of data by ``data``."""
    moment = "2026-01-01T00:00:00.000001Z"
    data = {"id": str(user_id), "version": version}
    if kind != "user.deleted.v1":
        times = dict.fromkeys(("tokens_valid_after", "created_at", "updated_at"), moment)
        data |= {"username": "sent past the outbox", "is_active": True, **times}
    envelope = {"specversion": "1.0", "id": "1", "source": "/users", "type": kind}
    envelope |= {"subject": str(user_id), "time": moment}
    return json.dumps(envelope | members | {"data": data | members.get("data", {})}).encode()


@pytest.fixture
def send(publisher):
    """Sends messages past the outbox, as pairs of key and value."""

    def send(*messages):
        messages = [OutgoingMessage(key, value, ()) for key, value in messages]
        assert publisher.publish(messages, lambda: False) == [None] * len(messages)

    return send


def test_what_readers_set_aside_says_nothing_of_any_user(pipeline, new_users, send):
    """Else the users of the fault matrix's poison would be raised above it, or deleted."""
    (ada,) = new_users("ada")
    pipeline()
    key = str(ada.pk).encode()
    of_the_matrix = [
        (each.key, each.value)
        for each in poisons(str(ada.pk))
        if each.value is not None and len(each.value) < 10**6  # Kafka refuses the largest.
    ]
    assert {another for another, _ in of_the_matrix} - {key}
    deletion = event(ada.pk, 7, "user.deleted.v1")
    wrong = [
        event(ada.pk, 7, data={"username": "x" * 101}),
        event(ada.pk, 7, data={"username": ""}),
        event(ada.pk, 7, data={"created_at": "1"}),
        event(ada.pk, 7, data={"tokens_valid_after": "2026-02-29T00:00:00Z"}),
        event(ada.pk, 7, data={"created_at": "2026-02-28T00:00:00"}),
        event(ada.pk, 7, data={"id": str(uuid.uuid4())}),
        event(ada.pk, 7, data={"id": 5}),
        event(ada.pk, LAST_VERSION + 1),
        event(ada.pk, True),
        event(ada.pk, 7, specversion="1.1"),
        event(ada.pk, 7, subject=str(uuid.uuid4())),
        event(ada.pk, 7, time="yesterday"),
        event(ada.pk, 7, source=""),
        event(ada.pk, 7, "user.renamed.v1"),
        event(ada.pk, 7, "invoice.paid.v1"),
        event(ada.pk, 7, data={"more": float("inf")}),
        event(ada.pk, 7, data={"more": "\0"}),
        event(ada.pk, 7, data={"more": "\ud800"}),
        b'{"type": "user.deleted.v1", "data": {"id": "%s", "version": 7}}' % key,
    ]
    send(*of_the_matrix, *((key, value) for value in wrong))
    send((str(uuid.uuid4()).encode(), deletion), (b"", deletion))
    send((key, None))
    assert reconcile("--dry-run", "--delete") == EQUAL
    assert reconcile("--delete") == EQUAL | {"repaired": 0}
    assert reconcile.unreadable == len(of_the_matrix) + len(wrong) + 3


def test_what_readers_take_counts_however_it_is_spelt(pipeline, new_users, send):
    (ada,) = new_users("ada")
    pipeline()
    upper = str(ada.pk).upper()
    data = {"id": upper, "username": "a\\u0000b", "updated_at": None, "more": [1]}
    send((str(ada.pk).encode(), event(ada.pk, 7, subject=upper, data=data, more={})))
    with pytest.raises(CommandError, match="Users differ: 1"):
        reconcile("--dry-run")
    assert reconcile() == EQUAL | {"behind": 1, "repaired": 1}
    assert User.objects.get().version == 8


@pytest.mark.parametrize("kind", ["user.updated.v1", "user.snapshot.v1"])
@pytest.mark.parametrize("version", [LAST_VERSION - 1, LAST_VERSION])
def test_a_forged_event_of_the_last_versions_is_repaired(
    kind, version, pipeline, new_users, send, newest
):
    """Again and again; the user can be changed as before."""
    (ada,) = new_users("ada")
    pipeline()
    for gone in (uuid.uuid4(), uuid.uuid4()):
        send(*((str(user).encode(), event(user, version, kind)) for user in (ada.pk, gone)))
        with pytest.raises(CommandError, match="Users left: 1"):
            reconcile()
        assert reconcile("--delete") == EQUAL | {"unknown": 1, "repaired": 1}
        pipeline()
        assert reconcile("--dry-run") == EQUAL
    for name in ("bob", "cyd", "dan"):
        User.objects.update(username=name)
    pipeline()
    assert newest()[ada.pk]["type"] == "user.snapshot.v1"
    assert newest()[ada.pk]["data"]["version"] == LAST_VERSION
    assert newest()[ada.pk]["data"]["username"] == "dan"
    assert newest()[gone]["type"] == "user.deleted.v1"
    assert reconcile("--dry-run") == EQUAL


@pytest.mark.parametrize("event_type", EXAMPLES)
def test_the_examples_of_the_contract_are_read(event_type, pipeline, send):
    user_id = json.loads(EXAMPLES[event_type])["subject"]
    send((user_id.encode(), EXAMPLES[event_type]))
    deleted = event_type == "user.deleted.v1"
    if deleted:
        User.objects.create(id=user_id, username="ada", email="ada@example.com", password="!")
    with pytest.raises(CommandError, match="Users left: 1"):
        reconcile()
    assert f"{'deleted' if deleted else 'unknown'}    1 ({user_id})" in reconcile.text


def test_one_version_with_two_contents_is_found_and_repaired(pipeline, new_users, newest, restore):
    """Changed since the restore, and up to just the version that the topic had: its readers keep
    what came first, a new one after compaction takes what came last."""
    ada, bob, cyd, dan = new_users("ada", "bob", "cyd", "dan")
    User.objects.update(tokens_valid_after=Now())
    pipeline()
    for user in (ada, bob, cyd, dan):
        restore(user)
        User.objects.filter(pk=user.pk).update(username=f"{user.username} again")
    pipeline()
    User.objects.filter(pk=bob.pk).update(username="newer than both")
    call_command("republish_users", str(cyd.pk), stdout=StringIO())  # Readers take a snapshot.
    pipeline()
    User.objects.filter(pk=dan.pk).delete()
    pipeline()
    with pytest.raises(CommandError, match=r"^Users differ: 1"):
        reconcile("--dry-run")
    assert reconcile() == EQUAL | {"behind": 1, "repaired": 1}
    assert f"behind     1 ({ada.pk})" in reconcile.text
    pipeline()
    assert reconcile("--dry-run") == EQUAL
    assert newest()[ada.pk]["data"]["version"] == 3
    assert newest()[ada.pk]["data"]["username"] == "ada again"


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_two_contents_are_found_in_whatever_batches_they_come(batch):
    user, other, third, key = *(uuid.uuid4() for _ in range(3)), lambda user: str(user).encode()
    first = event(user, 5)
    second = event(user, 5, data={"username": "another"})
    messages = [
        (key(user), event(user, 4, data={"username": "another"})),
        (key(user), first),
        (key(user), second),
        (key(user), second),  # Sent twice.
        (key(user), event(user, 3)),
        (key(other), event(other, 5)),
        (key(other), event(other, 5, data={"username": "another"})),
        (key(other), event(other, 5, "user.snapshot.v1", data={"username": "another"})),
        (key(third), event(third, 5)),
        (key(third), event(third, 5)),
    ]
    batches = [messages[n : n + batch] for n in range(0, len(messages), batch)]
    load(batches, progress=lambda _: None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM topic_users WHERE ambiguous")
        assert cursor.fetchall() == [(user,)]


def test_what_waits_in_the_outbox_is_on_its_way(pipeline, new_users):
    ada, bob, _ = new_users("ada", "bob", "cyd")
    pipeline()
    User.objects.filter(pk=ada.pk).update(username="lovelace")
    User.objects.filter(pk=bob.pk).delete()
    new_users("dan")
    assert reconcile("--dry-run", "--delete") == EQUAL
    assert reconcile("--delete") == EQUAL | {"repaired": 0}
    assert OutboxEvent.objects.count() == 3


def test_what_waits_explains_no_other_difference(pipeline, new_users, restore, behind_the_triggers):
    older, equal, deleted, gone, unsent = new_users("ada", "bob", "cyd", "dan", "eve")
    User.objects.filter(pk__in=[older.pk, equal.pk]).update(tokens_valid_after=Now())
    User.objects.filter(pk=deleted.pk).delete()
    pipeline()
    for user in (older, equal, deleted):
        restore(user)
    call_command("republish_users", str(older.pk), stdout=StringIO())
    User.objects.exclude(pk=older.pk).update(username=Concat("username", Value(" again")))
    behind_the_triggers("DELETE FROM users WHERE id = %s", [gone.pk])
    behind_the_triggers("UPDATE users SET version = 9 WHERE id = %s", [unsent.pk])
    assert OutboxEvent.objects.count() == 5
    found = {"unsent": 1, "behind": 2, "deleted": 1, "unknown": 1}
    assert reconcile("--delete") == found | {"repaired": 5}
    pipeline()
    assert reconcile("--dry-run") == EQUAL


def test_a_repair_goes_through_in_batches_and_says_how_far_it_is(new_users, monkeypatch):
    monkeypatch.setattr("outbox.reconcile.BATCH", 2)
    people = new_users("ada", "bob", "cyd", "dan", "eve")
    OutboxEvent.objects.all().delete()
    load([], progress=lambda _: None)
    seen = []
    assert repair(delete=False, progress=seen.append) == 5
    assert seen == [2, 4, 5]
    sent = OutboxEvent.objects.values_list("aggregateid", flat=True)
    assert set(sent) == {str(person.pk) for person in people}


def test_a_terminal_sees_how_far_the_command_is(pipeline, new_users, monkeypatch, capsys):
    monkeypatch.setattr("config.progress.ELSEWHERE", 1e-9)
    monkeypatch.setattr("outbox.reconcile.BATCH", 2)
    new_users("ada", "bob", "cyd")
    pipeline()
    User.objects.update(is_active=False)
    OutboxEvent.objects.all().delete()
    assert reconcile()["repaired"] == 3
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("3 messages, ") for line in lines)
    assert re.fullmatch(r"2 users, \d+/s, 1 left, \d+ s", lines[-2])
    assert re.fullmatch(r"3 users, \d+/s, 0 left", lines[-1])
