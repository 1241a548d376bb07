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


@pytest.fixture
def sent(ada):
    """Ada, whose events have left."""
    OutboxEvent.objects.all().delete()
    return str(ada.id)


def test_users_are_given_a_version_above_a_readers(sent):
    assert run("republish_users", "--above", "41", sent) == "1 users put into the outbox\n"
    assert waiting() == [("user.updated.v1", sent, 42), ("user.snapshot.v1", sent, 42)]
    run("republish_users", "--above", "7", sent)
    assert waiting()[2:] == [("user.snapshot.v1", sent, 42)]


def test_no_users_are_deleted_for_the_readers_and_users_stay(sent):
    ghost = str(uuid.uuid4())
    run("republish_users", "--delete", "--above", "3", ghost, sent)
    assert ("user.deleted.v1", ghost, 4) in waiting()
    assert ("user.deleted.v1", sent, 4) not in waiting()
    assert User.objects.filter(pk=sent).exists()


def test_an_id_of_nobody_is_an_error_unless_it_is_deleted(sent):
    ghost = str(uuid.uuid4())
    with pytest.raises(CommandError, match="1 of the ids are no user's"):
        run("republish_users", "--above", "3", ghost)
    assert waiting() == []


@pytest.mark.parametrize("arguments", [["--above", "3"], ["--delete"], ["--delete", "ID"]])
def test_a_version_and_a_deletion_are_of_named_users(sent, arguments):
    with pytest.raises(CommandError, match="--above needs ids"):
        run("republish_users", *(sent if word == "ID" else word for word in arguments))
    assert waiting() == []


def test_a_dry_run_of_named_users_changes_nothing(sent):
    run("republish_users", "--dry-run", "--delete", "--above", "3", sent, str(uuid.uuid4()))
    assert waiting() == []
    assert User.objects.get().version == 1
