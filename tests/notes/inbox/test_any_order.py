"""Events, tokens, deletions, replays and restarts in any order end in the same shadow users.

A state machine plays users_project and everything that can happen on the way; the broker is left
out. On a failure hypothesis prints the steps, and the seed that repeats them.
"""

import itertools
import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from inbox.apply import apply_again, apply_batch
from inbox.messages import parse
from inbox.models import DeadLetter, EventLog, Outcome, Position
from tests.notes.inbox.events import created, deleted, raw, snapshot, updated
from users.gate import provision
from users.models import DeletedUser, User


class Pipeline(RuleBasedStateMachine):
    """``sent`` is the topic: all messages in order. A token is a state that a user once had."""

    people = Bundle("people")
    messages = Bundle("messages")
    tokens = Bundle("tokens")

    def __init__(self):
        super().__init__()
        for model in (User, DeletedUser, EventLog, DeadLetter, Position):
            model.objects.all().delete()
        self.offsets = itertools.count()
        self.sent = []
        self.truth = {}
        self.versions = {}
        self.seen = {}
        self.buried = set()
        self.recorded = 0

    def _send(self, make, person, version, **facts):
        message = make(person, version, offset=next(self.offsets), **facts)
        self.sent.append(message)
        return message

    @rule(target=people)
    def nobody_yet(self):
        return uuid.uuid4()

    @rule(target=messages, person=people, username=st.sampled_from(["ada", "bob", "cyd"]))
    def change(self, person, username):
        """users_project creates the user or changes it; a deleted one stays deleted."""
        if self.truth.get(person) == "deleted":
            return multiple()
        version = self.versions[person] = self.versions.get(person, 0) + 1
        self.truth[person] = username
        make = created if version == 1 else updated
        return self._send(make, person, version, username=username)

    @rule(target=messages, person=people)
    def send_again(self, person):
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        return self._send(snapshot, person, self.versions[person], username=self.truth[person])

    @rule(target=messages, person=people)
    def delete(self, person):
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        self.truth[person] = "deleted"
        self.versions[person] += 1
        return self._send(deleted, person, self.versions[person])

    @rule(target=tokens, person=people)
    def sign_in(self, person):
        """A token holds the present facts, and may be used at any time later."""
        if self.truth.get(person) in (None, "deleted"):
            return multiple()
        return parse(created(person, self.versions[person], username=self.truth[person])).state

    @rule(token=tokens)
    def use_a_token(self, token):
        provision(token)

    @rule(batch=st.lists(messages, min_size=1, max_size=6))
    def deliver(self, batch):
        """Any messages in any order, some twice, as after a wild rebalance."""
        Position.objects.all().delete()
        placed = [replace(message, offset=offset) for offset, message in enumerate(batch)]
        self._count(apply_batch(placed))

    @rule()
    def read_from_the_beginning(self):
        Position.objects.all().delete()
        if self.sent:
            self._count(apply_batch(self.sent))

    @rule(message=messages)
    def replay_a_dead_letter(self, message):
        self._count([apply_again(message)])

    @rule()
    def poison(self):
        Position.objects.all().delete()
        self._count(apply_batch([raw(b"{", offset=10**9)]))

    def _count(self, records):
        assert all(record.outcome in Outcome for record in records)
        self.recorded += len(records)

    @invariant()
    def versions_never_go_down(self):
        for person, version in User.objects.values_list("id", "version"):
            assert version >= self.seen.get(person, 0)
            self.seen[person] = version

    @invariant()
    def the_deleted_stay_deleted(self):
        self.buried |= set(DeletedUser.objects.values_list("id", flat=True))
        assert not User.objects.filter(id__in=self.buried).exists()

    @invariant()
    def every_message_is_in_the_log(self):
        assert EventLog.objects.count() == self.recorded

    def teardown(self):
        """Once everything has been read, both sides are equal."""
        self.read_from_the_beginning()
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


@pytest.mark.django_db
def test_any_order_ends_in_the_same_shadow_users():
    run_state_machine_as_test(
        Pipeline,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
