"""The commands that an operator runs on the inbox."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from inbox.models import DeadLetter, EventLog
from tests.notes.inbox.events import apply_batch, created, deleted, message, raw
from users.models import DeletedUser, User

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def mended():
    """A dead letter whose cause is gone, and one that nothing can mend."""
    user = uuid.uuid4()
    apply_batch([raw(b"{"), raw(b"[")])
    broken, hopeless = DeadLetter.objects.order_by("id")
    good = created(user)
    broken.key, broken.value = good.key, good.value
    broken.save()
    return user, broken, hopeless


def test_a_dry_run_tells_and_changes_nothing(mended):
    _, broken, _ = mended
    with pytest.raises(CommandError, match="Dead letters that still cannot be applied: 1"):
        run("replay_dead_letters", "--all", "--dry-run")
    assert "can be read now" in run("replay_dead_letters", str(broken.id), "--dry-run")
    assert not User.objects.exists()
    assert DeadLetter.objects.open().count() == 2


def test_a_mended_letter_is_applied_and_closed(mended):
    user, broken, hopeless = mended
    assert run("replay_dead_letters", str(broken.id)) == f"{broken.id}: replayed, applied\n"
    assert User.objects.get().id == user
    broken.refresh_from_db()
    assert (broken.resolution, broken.resolution_note) == ("replayed", "outcome: applied")
    assert list(DeadLetter.objects.open()) == [hopeless]
    assert EventLog.objects.filter(user_id=user, outcome="applied").count() == 1


def test_a_letter_of_a_deleted_user_brings_nobody_back(mended):
    user, broken, _ = mended
    apply_batch([deleted(user, 2)])
    run("replay_dead_letters", str(broken.id))
    assert not User.objects.exists()
    broken.refresh_from_db()
    assert broken.resolution_note == "outcome: stale"


def test_where_none_is_open_there_is_nothing_to_replay():
    assert run("replay_dead_letters", "--all") == "No dead letter is open.\n"


def test_a_letter_that_still_fails_stays_open(mended):
    _, _, hopeless = mended
    with pytest.raises(CommandError, match="cannot be applied: 1"):
        run("replay_dead_letters", str(hopeless.id))
    assert hopeless in DeadLetter.objects.open()


either = pytest.mark.parametrize(
    "command", [["replay_dead_letters"], ["discard_dead_letters", "--reason=r"]]
)


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
@either
def test_letters_must_be_named_in_one_way(command, arguments):
    with pytest.raises(CommandError, match="Name the ids of open dead letters, or give --all"):
        run(*command, *arguments)


@either
def test_where_one_is_not_open_it_is_named_and_nothing_is_done(mended, command):
    _, broken, hopeless = mended
    hopeless.resolve(DeadLetter.Resolution.DISCARDED, "seen")
    ids = [broken.id, hopeless.id, 10**30]
    with pytest.raises(CommandError, match=rf"Not an open dead letter: {hopeless.id}, {10**30}\."):
        run(*command, *map(str, ids))
    assert list(DeadLetter.objects.open()) == [broken]


def test_letters_are_discarded_with_a_reason(mended):
    _, broken, hopeless = mended
    for empty in ("", " "):
        with pytest.raises(CommandError, match="--reason is empty"):
            run("discard_dead_letters", "--all", "--reason", empty)
    command = ["discard_dead_letters", "--reason", "a test"]
    assert run(*command, "--all", "--dry-run") == "2 dead letters would be discarded\n"
    assert run(*command, str(hopeless.id)) == "1 dead letter discarded\n"
    hopeless.refresh_from_db()
    assert (hopeless.resolution, hopeless.resolution_note) == ("discarded", "a test")
    assert hopeless.resolved_at
    assert list(DeadLetter.objects.open()) == [broken]


def test_the_event_log_is_pruned_by_age():
    apply_batch([created(uuid.uuid4()), message("user.liked.v1", uuid.uuid4(), 1)])
    old = EventLog.objects.first()
    EventLog.objects.filter(pk=old.pk).update(recorded_at=timezone.now() - timedelta(days=91))
    assert run("prune_event_log", "--older-than", "90", "--dry-run") == "1 row would be deleted\n"
    assert EventLog.objects.count() == 2
    assert run("prune_event_log", "--older-than", "90") == "1 row deleted\n"
    assert old not in EventLog.objects.all()
    assert EventLog.objects.count() == 1


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("prune_event_log", "--older-than", "-1"),
        ("prune_event_log", "--older-than", "99999999"),
        ("compare_users", "--every", "0"),
        ("compare_users", "--every", "-1"),
        ("compare_users", "--settle", "-5"),
        ("compare_users", "--settle", "nan"),
        ("pipeline_status", "--max-lag", "-1"),
        ("pipeline_status", "--max-dead-letters", "few"),
        ("prune_notes", "--every", "0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(command, option, value):
    apply_batch([created(uuid.uuid4())])
    with pytest.raises(CommandError, match=rf"{option}: {value} is no (whole )?number from 0"):
        run(command, f"{option}={value}")
    assert EventLog.objects.count() == 1


def test_a_trace_shows_the_way_of_one_user():
    user = uuid.uuid4()
    apply_batch([created(user, offset=10**6), created(uuid.uuid4())])
    trace = json.loads(run("trace_user", str(user), "--json"))
    assert [(e["offset"], e["type"], e["outcome"]) for e in trace["events"]] == [
        (10**6, "user.created.v1", "applied")
    ]
    assert trace["shadow_user"]["version"] == 1
    text = run("trace_user", str(user))
    # One line for each fact, written as in JSON.
    created_at = User.objects.get(id=user).created_at.isoformat().replace("+00:00", "Z")
    assert trace["shadow_user"]["created_at"] == created_at
    assert f"shadow user:\n  id: {user}\n" in text
    assert f"  created_at: {created_at}\n  version: 1\n  is_active: true\n" in text
    apply_batch([deleted(user, 2, offset=10**6 + 1)])
    text = run("trace_user", str(user))
    assert "user.deleted.v1  2  applied" in text
    assert "shadow user: none" in text
    deleted_at = DeletedUser.objects.get(id=user).deleted_at.isoformat().replace("+00:00", "Z")
    assert f"tombstone:\n  version: 2\n  at: {deleted_at}\n" in text


def test_a_trace_of_nobody_is_an_error():
    with pytest.raises(CommandError, match="Nothing has come here"):
        run("trace_user", str(uuid.uuid4()))
    with pytest.raises(CommandError, match="Nothing has come here"):
        run("trace_user", str(uuid.uuid4()), "--json")
