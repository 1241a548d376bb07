"""The commands that an operator runs on the outbox."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from outbox.messages import LAST_VERSION
from outbox.models import OutboxEvent
from outbox.relay import Relay

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def ada():
    return User.objects.create(username="ada", email="ada@example.com", password="!")


def test_the_status_of_an_empty_outbox_without_a_relay():
    assert run("pipeline_status") == "outbox  0 rows\nrelay   none is active\n"
    assert json.loads(run("pipeline_status", "--json", "--max-age", "0")) == {
        "outbox_depth": 0,
        "oldest_age_seconds": 0.0,
        "oldest_position": None,
        "oldest_user_id": None,
        "relay_active": False,
    }


def test_the_status_names_the_oldest_row_and_its_age(ada):
    OutboxEvent.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    status = json.loads(run("pipeline_status", "--json", "--max-age", "600"))
    assert status["outbox_depth"] == 1
    assert status["oldest_user_id"] == str(ada.id)
    assert status["oldest_age_seconds"] >= 120
    with pytest.raises(CommandError, match=r"has waited 12\d s, more than 60 s"):
        run("pipeline_status", "--max-age", "60")


def test_the_status_sees_an_active_relay():
    Relay(lambda: None, stop=lambda: False).step()
    assert json.loads(run("pipeline_status", "--json"))["relay_active"] is True
    connection.close()


def test_a_trace_shows_the_user_and_what_waits(ada):
    trace = json.loads(run("trace_user", str(ada.id), "--json"))
    assert trace["user"]["version"] == 1
    assert [row["type"] for row in trace["outbox"]] == ["user.created.v1"]
    text = run("trace_user", str(ada.id))
    assert "ada@example.com" not in text
    # One line for each fact, written as in JSON.
    created_at = ada.created_at.isoformat().replace("+00:00", "Z")
    assert trace["user"]["created_at"] == created_at
    assert f"  id: {ada.id}\n  version: 1\n  is_active: true\n  created_at: {created_at}\n" in text
    assert f"user.created.v1  {trace['outbox'][0]['created_at']}\n" in text
    ada.delete()
    assert "user.deleted.v1" in run("trace_user", str(ada.pk or trace["user"]["id"]))


def test_a_trace_of_nobody_is_an_error():
    with pytest.raises(CommandError, match="no such user"):
        run("trace_user", str(uuid.uuid4()))
    with pytest.raises(CommandError, match="no such user"):
        run("trace_user", str(uuid.uuid4()), "--json")


def waiting():
    """Type, user and version of what waits in the outbox."""
    payloads = OutboxEvent.objects.pending().values_list("type", "aggregateid", "payload")
    return [(kind, user, payload["data"]["version"]) for kind, user, payload in payloads]


def test_all_or_some_users_are_sent_again(new_users, monkeypatch):
    monkeypatch.setattr("outbox.republish.BATCH", 2)
    people = new_users("ada", "bob", "cyd", "dan", "eve")
    OutboxEvent.objects.all().delete()
    assert run("republish_users", "--dry-run") == "5 users would be put into the outbox\n"
    assert waiting() == []
    assert run("republish_users") == "5 users put into the outbox\n"
    in_order = sorted(str(person.id) for person in people)
    assert sorted(waiting()) == [("user.snapshot.v1", user, 1) for user in in_order]
    OutboxEvent.objects.all().delete()
    assert run("republish_users", "--after", in_order[2]) == "2 users put into the outbox\n"
    assert sorted(user for _, user, _ in waiting()) == in_order[3:]
    OutboxEvent.objects.all().delete()
    assert run("republish_users", in_order[0]) == "1 user put into the outbox\n"
    with pytest.raises(CommandError, match="Ids that are no user's: 1"):
        run("republish_users", str(uuid.uuid4()))


@pytest.fixture
def sent(ada):
    """Ada, whose events have left."""
    OutboxEvent.objects.all().delete()
    return str(ada.id)


def test_users_are_given_a_version_above_a_readers(sent):
    raised = "1 user given version 42\n1 user put into the outbox\n"
    assert run("republish_users", "--above", "41", sent) == raised
    assert waiting() == [("user.updated.v1", sent, 42), ("user.snapshot.v1", sent, 42)]
    run("republish_users", "--above", "7", sent)
    assert waiting()[2:] == [("user.snapshot.v1", sent, 42)]


def test_what_a_reader_has_in_the_last_version_is_replaced_by_a_snapshot(sent):
    ghost, last = str(uuid.uuid4()), str(LAST_VERSION)
    run("republish_users", "--delete", "--above", last, sent, ghost)
    assert waiting() == [
        *[("user.snapshot.v1", sent, LAST_VERSION)] * 2,
        ("user.deleted.v1", ghost, LAST_VERSION),
    ]


def test_no_users_are_deleted_for_the_readers_and_users_stay(sent):
    ghost = str(uuid.uuid4())
    run("republish_users", "--delete", "--above", "3", ghost, sent)
    assert ("user.deleted.v1", ghost, 4) in waiting()
    assert ("user.deleted.v1", sent, 4) not in waiting()
    assert User.objects.filter(pk=sent).exists()


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_an_id_of_nobody_is_an_error_unless_it_is_deleted(sent, dry_run):
    ghost = str(uuid.uuid4())
    with pytest.raises(CommandError, match="Ids that are no user's: 1"):
        run("republish_users", *dry_run, "--above", "3", ghost, ghost)
    assert waiting() == []
    run("republish_users", *dry_run, "--delete", "--above", "3", ghost, ghost)
    assert len(waiting()) == (0 if dry_run else 1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--above", "3"], "--above needs ids"),
        (["--delete"], "--delete needs --above"),
        (["--delete", "ID"], "--delete needs --above"),
        (["--above", "-1", "ID"], "--above is a version"),
        (["--above", str(LAST_VERSION + 1), "ID"], "no event has a later one"),
        (["--after", "ID", "ID"], "--after goes without ids"),
        (["--against-topic"], "unrecognized arguments"),
    ],
)
def test_options_that_make_no_sense_are_refused(sent, arguments, reason):
    words = [sent if word == "ID" else word for word in arguments]
    with pytest.raises(CommandError, match=reason):
        run("republish_users", *words)
    assert waiting() == []


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("pipeline_status", "--max-age", "nan"),
        ("pipeline_status", "--max-age", "-1"),
        ("prune_outbox", "--timeout", "inf"),
        ("prune_sessions", "--every", "0"),
        ("prune_sessions", "--every", "-1"),
        ("prune_sessions", "--every", "often"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(command, option, value):
    slot = ["outbox"] if command == "prune_outbox" else []
    with pytest.raises(CommandError, match=rf"{option}: {value} is no number from 0\.\d to "):
        run(command, *slot, f"{option}={value}")


def test_a_dry_run_counts_what_would_be_changed(new_users, sent):
    """All of it, and changes nothing."""
    (newer,) = new_users("bob")
    User.objects.filter(pk=newer.pk).update(version=9)
    OutboxEvent.objects.all().delete()
    words = ["--delete", "--above", "3", sent, str(newer.pk), str(uuid.uuid4()), sent]
    dry = run("republish_users", "--dry-run", *words)
    assert waiting() == []
    assert set(User.objects.values_list("version", flat=True)) == {1, 9}
    assert dry.startswith("1 user would be given version 4\n2 users would be put")
    assert dry.replace("would be ", "") == run("republish_users", *words)
