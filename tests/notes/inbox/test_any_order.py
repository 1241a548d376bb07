"""Events, tokens, deletions, replays and restarts in any order end in the same shadow users.

A state machine plays users_project, its relay and everything that can happen on the way; the broker
is left out. On a failure hypothesis prints the steps. `make test-any-order` is the long form, and
ANY_ORDER_SEED=N repeats a run.
"""

import itertools
import sys
import uuid

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from inbox import apply
from inbox.messages import parse
from inbox.models import Outcome, Position
from inbox.replay import apply_again
from tests.any_order import EXAMPLES, SEED
from tests.notes.inbox.events import apply_batch, created, deleted, raw, snapshot, updated
from users import gate
from users.gate import provision
from users.models import User

PEOPLE = [uuid.UUID(int=number) for number in (1, 2, 3)]
# The topic's one partition, and another for what comes out of its order.
TOPIC, WILD = 0, 1
# Each in one round trip: these are most of the time of an example.
EMPTY = "".join(
    f"DELETE FROM {table};"
    for table in ("users", "deleted_users", "event_log", "dead_letters", "positions")
)
STORED = """
SELECT ARRAY(SELECT id FROM users ORDER BY id), ARRAY(SELECT version FROM users ORDER BY id),
    ARRAY(SELECT id FROM deleted_users), (SELECT count(*) FROM event_log)
"""


class Pipeline(RuleBasedStateMachine):
    """``outbox`` and ``sent``, the topic, are in order. A token is a state that a user once had."""

    people = Bundle("people")
    messages = Bundle("messages")
    tokens = Bundle("tokens")

    def __init__(self):
        super().__init__()
        with connection.cursor() as cursor:
            cursor.execute(EMPTY)
        self.offsets = itertools.count()
        self.outbox = []
        self.sent = []
        self.truth = {}
        self.versions = {}
        self.seen = {}
        self.buried = set()
        self.overtaken = set()
        self.recorded = 0

    def _commit(self, make, person, version, **facts):
        message = make(person, version, offset=0, **facts)
        self.outbox.append(message)
        return message

    @initialize(target=people)
    def nobody_yet(self):
        """Few, so that much happens to each."""
        return multiple(*PEOPLE)

    @rule(target=messages, person=people, username=st.sampled_from(["ada", "bob", "cyd"]))
    def change(self, person, username):
        """users_project creates the user or changes it; a deleted one stays deleted."""
        if self.truth.get(person) == "deleted":
            return multiple()
        version = self.versions[person] = self.versions.get(person, 0) + 1
        self.truth[person] = username
        make = created if version == 1 else updated
        return self._commit(make, person, version, username=username)

    @rule(target=messages, person=people)
    def send_again(self, person):
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        return self._commit(snapshot, person, self.versions[person], username=self.truth[person])

    @rule(target=messages, person=people, username=st.sampled_from(["ada", "bob", "cyd"]))
    def repair(self, person, username):
        """The row was changed behind the triggers, at its version, and is sent again.

        Only their places in the log tell which of the snapshots of one version is the later.
        """
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        key = str(person).encode()
        self.overtaken |= {m.value for m in self.sent + self.outbox if m.key == key}
        self.truth[person] = username
        return self._commit(snapshot, person, self.versions[person], username=username)

    @rule(target=messages, person=people)
    def delete(self, person):
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        self.truth[person] = "deleted"
        self.versions[person] += 1
        return self._commit(deleted, person, self.versions[person])

    @rule(target=tokens, person=people)
    def sign_in(self, person):
        """A token holds the present facts, and may be used at any time later."""
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        return parse(created(person, self.versions[person], username=self.truth[person])).state

    @rule(token=tokens)
    def use_a_token(self, token):
        provision(token)

    @rule(count=st.integers(1, 8), dies=st.booleans())
    def relay(self, count, dies):
        """Sends the oldest rows. One that dies before it deletes them sends them again."""
        for row in self.outbox[:count]:
            self._send(row)
        if not dies:
            del self.outbox[:count]

    @rule(person=people)
    def relay_is_refused(self, person):
        """By one user's messages, which stay; the others are sent."""
        key = str(person).encode()
        for row in self.outbox:
            if row.key != key:
                self._send(row)
        self.outbox = [row for row in self.outbox if row.key == key]

    @rule(count=st.integers(1, 8))
    def consume(self, count):
        """In order, from the stored position."""
        position = Position.objects.filter(partition=TOPIC).first()
        begin = position.next_offset if position else 0
        if batch := self.sent[begin : begin + count]:
            self._count(apply_batch(batch))

    @rule()
    def everything_arrives(self):
        self.relay(len(self.outbox), dies=False)
        self.consume(len(self.sent))

    @rule(back=st.integers(1, 8))
    def consumer_goes_back(self, back):
        """As after a restart with an older position."""
        for position in Position.objects.filter(partition=TOPIC):
            begin = max(0, position.next_offset - back)
            Position.objects.filter(partition=TOPIC).update(next_offset=begin)

    @rule()
    def consumer_awakes(self):
        """With a batch in hand that was applied long ago: the position lets nothing through."""
        for position in Position.objects.filter(partition=TOPIC):
            assert apply_batch(self.sent[: position.next_offset]) == []

    @rule(batch=st.lists(messages, min_size=1, max_size=6))
    def deliver(self, batch):
        """Any messages in any order, some twice, as after a wild rebalance."""
        self._apply_out_of_order([m for m in batch if m.value not in self.overtaken])

    @rule()
    def read_from_the_beginning(self):
        Position.objects.all().delete()
        if self.sent:
            self._count(apply_batch(self.sent))

    @rule(message=messages)
    def replay_a_dead_letter(self, message):
        if message.value not in self.overtaken:
            self._count([apply_again(message)])

    @rule()
    def poison(self):
        self._apply_out_of_order([raw(b"{")])

    def _send(self, row):
        self.sent.append(row._replace(offset=next(self.offsets)))

    def _apply_out_of_order(self, batch):
        Position.objects.filter(partition=WILD).delete()
        placed = [m._replace(partition=WILD, offset=offset) for offset, m in enumerate(batch)]
        self._count(apply_batch(placed))

    def _count(self, records):
        assert all(record.outcome in Outcome for record in records)
        self.recorded += len(records)

    @invariant()
    def versions_never_go_down_the_deleted_stay_so_and_every_message_is_in_the_log(self):
        with connection.cursor() as cursor:
            cursor.execute(STORED)
            ids, versions, buried, logged = cursor.fetchone()
        shadows = dict(zip(ids, versions, strict=True))
        assert all(version >= self.seen.get(person, 0) for person, version in shadows.items())
        self.seen |= shadows
        self.buried.update(buried)
        assert self.buried.isdisjoint(shadows)
        assert logged == self.recorded

    def teardown(self):
        """Once everything has been sent and read, both sides are equal."""
        self.everything_arrives()
        shadows = {
            person: (username, version)
            for person, username, version in User.objects.values_list("id", "username", "version")
        }
        assert shadows == {
            person: (username, self.versions[person])
            for person, username in self.truth.items()
            if username != "deleted"
        }
        before = list(User.objects.order_by("id").values())
        self.read_from_the_beginning()
        assert list(User.objects.order_by("id").values()) == before


def run(number=SEED, **changes):
    # The seed alone decides; what a run found before has no part in it.
    options = {"max_examples": EXAMPLES, "database": None, "deadline": None, "print_blob": True}
    options |= {"stateful_step_count": 30, "suppress_health_check": list(HealthCheck)} | changes
    sys.stdout.write(f"ANY_ORDER_SEED={number}\n")
    run_state_machine_as_test(seed(number)(Pipeline), settings=settings(**options))


@pytest.mark.django_db
@pytest.mark.timeout(0)
def test_any_order_ends_in_the_same_shadow_users():
    run()


# Finds each of them within 60 orders. Others take up to some hundreds, which show no more.
SOON = 5
FENCE = "AND stored.next_offset BETWEEN move.known AND move.first"
ALIVE = "WHERE NOT EXISTS (SELECT FROM deleted_users AS deleted WHERE deleted.id = incoming.id)\n"
NEWER = "WHERE stored.version < EXCLUDED.version\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        pytest.param(gate, "_UPSERT", gate._UPSERT.replace(NEWER, "WHERE true\n"), id="gate"),
        pytest.param(gate, "_UPSERT", gate._UPSERT.replace(ALIVE, ""), id="tombstone"),
        pytest.param(apply, "supersedes", lambda *_: False, id="newest of a batch"),
        pytest.param(
            apply, "_MOVE_POSITIONS", apply._MOVE_POSITIONS.replace(FENCE, ""), id="fence"
        ),
    ],
)
def test_it_sees_what_is_left_out(monkeypatch, module, name, wrong):
    assert wrong != getattr(module, name)
    monkeypatch.setattr(module, name, wrong)
    with pytest.raises(AssertionError):
        run(SOON, max_examples=10_000, phases=[Phase.generate], report_multiple_bugs=False)
