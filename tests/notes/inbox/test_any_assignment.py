"""Two consumers of a group, partitions that move between them, a database that goes and comes back.

A state machine plays Kafka's group, and everything that ends or stops; the broker is left out, the
database is real. `make test-any-order` is the long form, and ANY_ORDER_SEED=N repeats a run.
"""

import itertools
import sys
import uuid

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from inbox import consumer as module
from inbox.consumer import EventConsumer
from inbox.models import DeadLetter, EventLog, Position, Topic
from tests.any_order import EXAMPLES, SEED
from tests.notes.inbox.events import TOPIC, created, updated
from users.models import DeletedUser, User

PARTITIONS, WORKERS = (0, 1), (0, 1)
STORED = (User, Position, Topic, EventLog)
workers, partitions = st.sampled_from(WORKERS), st.sampled_from(PARTITIONS)


class Member:
    """A `Subscription` of a topic that is a list of messages for each partition."""

    def __init__(self, messages):
        self.waiting = set()
        self._messages = messages
        self._next = {}
        self._paused = False

    @property
    def reading(self):
        return set(self._next)

    def consume(self, limit, _timeout):
        batch = []
        for number in sorted(self._next) if not self._paused else ():
            more = self._messages[number][self._next[number] :][: limit - len(batch)]
            self._next[number] += len(more)
            batch += more
        return batch

    def start(self, positions):
        self._next |= {number: positions.get(number, 0) for number in self.waiting}
        self.waiting.clear()

    def start_again(self):
        self.waiting |= self.reading
        self._next.clear()

    def topic_id(self):
        return "the topic"

    def pause(self):
        self._paused = True

    def resume(self):
        self._paused = False

    def commit(self, offsets):
        stored = dict(Position.objects.values_list("partition", "next_offset"))
        assert all(stored.get(number, 0) >= offset for number, offset in offsets.items())

    def assigned(self, number):
        self.waiting.add(number)

    def revoked(self, number):
        self.waiting.discard(number)
        self._next.pop(number, None)


class Group(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        for model in (*STORED, DeletedUser, DeadLetter):
            model.objects.all().delete()
        self.messages = {number: [] for number in PARTITIONS}
        self.versions = {}
        ticks = itertools.count(step=100)  # All that is done once in a while is done each time.
        self.members = [Member(self.messages) for _ in WORKERS]
        self.consumers = [
            EventConsumer(member, TOPIC, batch_size=3, clock=lambda: next(ticks))
            for member in self.members
        ]
        self.owners = dict.fromkeys(PARTITIONS, 0)
        for number in PARTITIONS:
            self.members[0].assigned(number)
        self.backup = None

    @rule(number=partitions, person=st.integers(0, 2), count=st.integers(1, 4))
    def messages_come(self, number, person, count):
        user = uuid.UUID(int=10 * number + person)
        for _ in range(count):
            version = self.versions[user] = self.versions.get(user, 0) + 1
            make = created if version == 1 else updated
            offset = len(self.messages[number])
            message = make(user, version, username=f"v{version}", partition=number, offset=offset)
            self.messages[number].append(message)

    @rule(worker=workers)
    def works(self, worker):
        self.consumers[worker].step()

    @rule(worker=workers, applied=st.booleans())
    def loses_the_database(self, worker, applied):
        """Before the batch is applied, or in the moment in which it learns that it was."""
        apply_batch = module.apply_batch

        def lose(*arguments):
            if applied:
                apply_batch(*arguments)
            raise OperationalError("it is away")

        module.apply_batch = lose
        try:
            self.consumers[worker].step()
        finally:
            module.apply_batch = apply_batch

    @rule(number=partitions, worker=workers)
    def moves(self, number, worker):
        """To the other worker, or away and back to the same."""
        for member in self.members:
            member.revoked(number)
        self.members[worker].assigned(number)

    @rule(number=partitions, worker=workers)
    def is_taken_from_one_that_sleeps(self, number, worker):
        """Who had it reads on when it awakes, until it hears of it."""
        if number not in self.members[worker].reading | self.members[worker].waiting:
            self.members[worker].assigned(number)

    @rule()
    def is_backed_up(self):
        self.backup = [(model, list(model.objects.all())) for model in STORED]

    @rule()
    def goes_back(self):
        if self.backup:
            for model, rows in self.backup:
                model.objects.all().delete()
                model.objects.bulk_create(rows)

    @invariant()
    def nobody_is_ahead_of_the_topic(self):
        for user_id, version in User.objects.values_list("id", "version"):
            assert version <= self.versions[user_id]

    def teardown(self):
        for number in PARTITIONS:
            self.moves(number, worker=0)
        ends = {number: len(messages) for number, messages in self.messages.items() if messages}
        for _ in range(100):
            if dict(Position.objects.values_list("partition", "next_offset")) == ends:
                break
            self.works(0)
        assert dict(User.objects.values_list("id", "version")) == self.versions
        assert sorted(EventLog.objects.values_list("partition", "offset")) == sorted(
            message[1:3] for messages in self.messages.values() for message in messages
        )


def run(**changes):
    # One costs many times as much as one of `test_any_order`.
    options = {"max_examples": EXAMPLES // 25, "stateful_step_count": 30, "print_blob": True}
    options |= {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
    sys.stdout.write(f"ANY_ORDER_SEED={SEED}\n")
    run_state_machine_as_test(seed(SEED)(Group), settings=settings(**options | changes))


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0)
def test_any_assignment_ends_in_the_same_shadow_users():
    run()
