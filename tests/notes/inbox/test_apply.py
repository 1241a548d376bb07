"""A batch is applied in one transaction: users, event log, dead letters, positions."""

import base64
import json
import threading
import uuid

import pytest
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from inbox import apply
from inbox.apply import PositionsWentBack
from inbox.messages import parse
from inbox.models import DeadLetter, EventLog, Position
from notes.models import Note
from tests.notes.inbox.events import (
    TOPIC,
    apply_batch,
    created,
    deleted,
    event,
    message,
    raw,
    snapshot,
    updated,
)
from tests.threads import at_once, in_thread, lose_connection, wait_until_blocked
from users import gate
from users.gate import delete_users, lock_users, provision
from users.models import DeletedUser, User

pytestmark = pytest.mark.django_db


def outcomes(*messages):
    return [str(record.outcome) for record in apply_batch(messages)]


@pytest.fixture
def ada():
    return uuid.uuid4()


def test_a_user_is_created_and_changed_and_deleted(ada):
    assert outcomes(created(ada)) == ["applied"]
    assert User.objects.get().username == "ada"
    assert outcomes(updated(ada, 2, username="lovelace", is_active=False)) == ["applied"]
    user = User.objects.get()
    assert (user.username, user.is_active, user.version) == ("lovelace", False, 2)
    assert outcomes(deleted(ada, 3)) == ["applied"]
    assert not User.objects.exists()
    assert DeletedUser.objects.get().version == 3


def test_many_notes_of_a_deleted_user_go_in_pieces(ada, monkeypatch):
    """All at once they would take longer than a statement may."""
    statements, execute = [], CursorWrapper.execute

    def count(cursor, statement, parameters=None):
        execute(cursor, statement, parameters)
        if statement.startswith("\nDELETE FROM notes"):
            statements.append(cursor.rowcount)

    bob = uuid.uuid4()
    apply_batch([created(ada), created(bob)])
    for user in (ada, bob):
        Note.objects.bulk_create(Note(user_id=user, title=str(n)) for n in range(25))
    monkeypatch.setattr(gate, "NOTES_AT_ONCE", 10)
    monkeypatch.setattr(CursorWrapper, "execute", count)
    assert outcomes(deleted(ada, 2)) == ["applied"]
    assert statements == [10, 10, 5]
    assert {note.user_id for note in Note.objects.all()} == {bob}


def test_stale_and_duplicate_events_change_nothing(ada):
    apply_batch([updated(ada, 5, username="newest")])
    assert outcomes(updated(ada, 5, username="other")) == ["duplicate"]
    assert outcomes(updated(ada, 4, username="older")) == ["stale"]
    assert User.objects.get().username == "newest"


def test_the_newest_of_a_batch_wins_in_any_order(ada):
    batch = [
        updated(ada, 3, username="newest"),
        created(ada),
        updated(ada, 2),
        updated(ada, 3, username="newest"),
    ]
    assert outcomes(*batch) == ["applied", "superseded", "superseded", "duplicate"]
    assert User.objects.get().username == "newest"


def test_what_gave_way_in_a_batch_is_a_duplicate_only_where_it_says_the_same(ada):
    batch = [updated(ada, 3), updated(ada, 3, username="other"), snapshot(ada, 3, username="a")]
    assert outcomes(*batch) == ["superseded", "superseded", "applied"]
    assert outcomes(updated(ada, 3), snapshot(ada, 3), snapshot(ada, 3)) == [
        *("duplicate", "duplicate", "applied")
    ]


def test_a_deleted_user_never_comes_back(ada):
    apply_batch([created(ada), deleted(ada, 2)])
    assert outcomes(created(ada)) == ["stale"]
    assert outcomes(deleted(ada, 2)) == ["duplicate"]
    assert outcomes(snapshot(ada, 9)) == ["stale"]
    assert outcomes(deleted(ada, 10), updated(ada, 11)) == ["applied", "superseded"]
    assert not User.objects.exists()


def test_a_snapshot_repairs_a_row_of_its_version(ada):
    apply_batch([created(ada)])
    assert outcomes(snapshot(ada, 1)) == ["duplicate"]
    User.objects.update(username="changed by hand")
    assert outcomes(updated(ada, 1)) == ["duplicate"]
    assert outcomes(snapshot(ada, 1)) == ["applied"]
    assert User.objects.get().username == "ada"


def test_a_token_may_be_first(ada):
    record = apply_batch([created(ada, username="ada")])[0]
    state = record.event.state
    User.objects.all().delete()
    provision(state)
    before = User.objects.values().get()
    assert outcomes(created(ada, username="ada")) == ["duplicate"]
    assert User.objects.values().get() == before


def test_a_shadow_user_inserted_by_hand_is_taken_over(ada):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (id, username) VALUES (%s, 'by hand')", [ada])
    assert outcomes(created(ada)) == ["applied"]
    assert User.objects.get().username == "ada"


def test_positions_move_with_what_is_applied(ada):
    apply_batch([created(ada, offset=7), updated(ada, 2, offset=9)])
    position = Position.objects.get()
    assert (position.topic, position.partition, position.next_offset) == (TOPIC, 0, 10)


def test_nothing_is_applied_over_a_gap_that_a_lost_position_leaves(ada):
    apply_batch([created(ada, offset=5)])
    with pytest.raises(PositionsWentBack):
        apply_batch([updated(ada, 2, offset=9)], {0: 9})
    assert User.objects.get().version == 1
    assert Position.objects.get().next_offset == 6
    assert len(apply_batch([updated(ada, 2, offset=9)], {0: 6, 1: 100})) == 1


def test_what_lies_below_a_position_is_dropped(ada):
    """The fence: a worker that lost its partition finds its batch applied by another."""
    apply_batch([created(ada, offset=5)])
    assert outcomes(updated(ada, 2, offset=5)) == []
    assert User.objects.get().version == 1
    assert EventLog.objects.count() == 1
    assert Position.objects.get().next_offset == 6


@pytest.mark.parametrize("late", ["event", "token"])
def test_what_waits_for_a_deletion_does_not_revive_the_user(transactional_db, ada, late):
    """A replayed or repaired deletion is not committed yet when an older state comes in."""
    apply_batch([created(ada)])
    buried, state = threading.Event(), updated(ada, 2)

    def come_late():
        buried.wait()
        return outcomes(state) if late == "event" else provision(parse(state).state)

    result = in_thread(come_late)
    with transaction.atomic():
        lock_users([ada])
        delete_users({ada: 3})
        buried.set()
        wait_until_blocked()
    assert result.result(10) == (["stale"] if late == "event" else None)
    assert not User.objects.exists()


def test_a_connection_lost_in_the_middle_can_be_tried_again(transactional_db, ada, monkeypatch):
    """It shows at the end of the pipeline, whose errors Django does not wrap by itself."""

    def lose_the_connection(records):
        lose_connection()
        write_event_log(records)

    write_event_log = apply.write_event_log
    monkeypatch.setattr(apply, "write_event_log", lose_the_connection)
    with pytest.raises(OperationalError):
        apply_batch([created(ada)])
    connection.close()
    monkeypatch.undo()
    assert outcomes(created(ada)) == ["applied"]


def test_two_messages_at_one_offset_both_count(ada):
    """Kafka writes so after a disk was full, see `tests.faults.invariants`."""
    assert outcomes(created(ada, offset=5), updated(ada, 2, offset=5)) == ["superseded", "applied"]
    assert EventLog.objects.count() == 2
    assert Position.objects.get().next_offset == 6


def test_two_workers_with_the_same_batch_apply_it_once(transactional_db, ada):
    batch = [created(ada, offset=0), updated(ada, 2, offset=1)]
    applied = at_once(lambda _: len(apply_batch(batch)), 2)
    assert sorted(applied) == [0, 2]
    assert EventLog.objects.count() == 2


def test_every_message_has_a_row_in_the_event_log(ada):
    bad = raw(b"{")
    other = message("user.liked.v1", ada, 1)
    apply_batch([created(ada), updated(ada, 1), bad, other])
    rows = list(EventLog.objects.order_by("id").values_list("outcome", "type", "user_id"))
    assert rows == [
        ("applied", "user.created.v1", ada),
        ("duplicate", "user.updated.v1", ada),
        ("dead", None, None),
        ("ignored", "user.liked.v1", ada),
    ]


def test_nothing_is_kept_when_the_transaction_fails(ada, monkeypatch):
    def fail(records):
        raise OperationalError("the connection is lost")

    monkeypatch.setattr("inbox.apply._write_dead_letters", fail)
    with pytest.raises(OperationalError):
        apply_batch([created(ada), raw(b"{")])
    for model in (User, EventLog, DeadLetter):
        assert not model.objects.exists()
    assert Position.objects.get().next_offset == 0


POISON = {
    "no JSON": (b"\xff{", "the value is not JSON"),
    "not an object": (b"[]", "the value: "),
    "null value": (None, "the value is null"),
    "empty": (b"", "the value is not JSON"),
    "1 MB": (b"[" * 2**20, "the value is not JSON"),
}


@pytest.mark.parametrize(("value", "reason"), POISON.values(), ids=POISON)
def test_poison_is_set_aside_to_the_byte(ada, value, reason):
    bad = raw(value, key=b"\x00\xff", headers=(("h", b"\xfe"), ("h", None)))
    assert outcomes(bad, created(ada)) == ["dead", "applied"]
    letter = DeadLetter.objects.get()
    assert (letter.key and bytes(letter.key)) == b"\x00\xff"
    assert value is None or bytes(letter.value) == value
    assert letter.headers == [["h", base64.b64encode(b"\xfe").decode()], ["h", None]]
    assert letter.reason.startswith(reason)


BROKEN = {
    "version as text": {"version": "1"},
    "version 0": {"version": 0},
    "version beyond the last": {"version": 2**53},
    "username too long": {"username": "a" * 101},
    "NUL in the username": {"username": "a\x00b"},
    "a number for a time": {"created_at": 1},
    "a time without a zone": {"created_at": "2026-01-01T00:00:00"},
    "is_active as a number": {"is_active": 1},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_data_of_the_wrong_kind_is_set_aside(ada, change):
    fields = {"version": 1, **change}
    version = fields.pop("version")
    assert outcomes(message("user.created.v1", ada, version, **fields)) == ["dead"]
    assert DeadLetter.objects.get().reason.startswith(f"data.{next(iter(change))}: ")


@pytest.mark.parametrize("key", [b"", None, b"another"])
def test_a_wrong_key_is_set_aside(ada, key):
    value = json.dumps(event("user.created.v1", ada, 1)).encode()
    assert outcomes(raw(value, key=key)) == ["dead"]
    assert DeadLetter.objects.get().reason == "the key is not the subject"


def test_data_of_another_user_is_set_aside(ada):
    assert outcomes(message("user.created.v1", ada, 1, id=str(uuid.uuid4()))) == ["dead"]


def test_an_unknown_major_version_is_set_aside_and_an_unknown_type_is_not(ada):
    assert outcomes(message("user.created.v2", ada, 1)) == ["dead"]
    assert outcomes(message("order.created.v1", ada, 1)) == ["dead"]
    assert outcomes(message("user.liked.v1", ada, 1)) == ["ignored"]


@pytest.fixture
def no_bob(transactional_db):
    """A rule of the database that the contract does not know."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users ADD CONSTRAINT no_bob CHECK (username <> 'bob')")
        yield
        cursor.execute("ALTER TABLE users DROP CONSTRAINT no_bob")


def test_what_only_the_database_refuses_is_set_aside_alone(no_bob, ada):
    bob = uuid.uuid4()
    assert outcomes(created(ada), created(bob, username="bob")) == ["applied", "dead"]
    assert DeadLetter.objects.get().reason == "the database refuses it: CheckViolation"
    assert User.objects.get().id == ada


def test_a_letter_read_again_stays_resolved_and_other_bytes_open_it(ada):
    apply_batch([raw(b"{", offset=3)])
    DeadLetter.objects.update(resolution=DeadLetter.Resolution.DISCARDED)
    Position.objects.all().delete()
    apply_batch([raw(b"{", offset=3)])
    assert DeadLetter.objects.get().resolution == "discarded"
    Position.objects.all().delete()
    apply_batch([raw(b"[", offset=3)])
    assert DeadLetter.objects.get().resolution is None


def test_a_batch_costs_the_same_queries_whatever_its_size():
    def cost(count):
        with connection.execute_wrapper(counter := Counter()):
            apply_batch([created(uuid.uuid4()) for _ in range(count)])
        return counter.calls

    cost(1)  # The partition gets its position.
    assert cost(1) == cost(200)


class Counter:
    calls = 0

    def __call__(self, execute, *arguments):
        self.calls += 1
        return execute(*arguments)
