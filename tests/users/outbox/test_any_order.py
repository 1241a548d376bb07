"""Changes, dying relays, refused messages and late commits, in any order, end in the same topic.

The last message of each user is then the user. The triggers and the relay are the real ones; a list
stands for the broker. `make test-any-order` is the long form, and ANY_ORDER_SEED=N repeats a run.
"""

import itertools
import json
import sys

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from outbox.kafka import Failure, ProducerBroken
from outbox.models import OutboxEvent, OutboxQuerySet
from outbox.relay import HOLD_BACK, Relay
from outbox.republish import FIRST_ID, publish_snapshots
from tests.any_order import EXAMPLES, SEED

INSERT = (
    "INSERT INTO users (email, username, password)"
    " VALUES (gen_random_uuid() || '@example.com', gen_random_uuid(), '!') RETURNING id::text"
)


LIMITS = st.integers(1, 4)
REFUSED = st.sets(st.integers(0, 3))


class Topic:
    """A publisher that refuses the messages of these indices, and may die once it has sent."""

    def __init__(self):
        self.messages = []
        self.refused = set()
        self.dies = False

    def publish(self, messages, _):
        results = []
        for index, message in enumerate(messages):
            refused = index in self.refused
            results.append(Failure("refused", of_message=True) if refused else None)
            if not refused:
                event = json.loads(message.value)
                deleted = event["type"] == "user.deleted.v1"
                version = event["data"]["version"]
                self.messages.append((message.key.decode(), version, deleted))
        if self.dies:
            raise ProducerBroken("fenced")
        return results

    def close(self):
        pass


class Producer(RuleBasedStateMachine):
    """``committed``: each (user, version, whether deleted) that was committed."""

    def __init__(self):
        super().__init__()
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE outbox, users CASCADE")
            cursor.execute("TRUNCATE outbox")
        self.topic = Topic()
        self.now = 0.0
        self.committed = set()
        self.late = None
        self.start_a_relay()

    @initialize()
    def somebody(self):
        self.register()

    @rule()
    def register(self):
        with connection.cursor() as cursor:
            cursor.execute(INSERT)
            (user,) = cursor.fetchone()
        self.committed.add((user, 1, False))

    @rule(which=st.integers(0, 9), times=st.integers(1, 3))
    def rename(self, which, times):
        if user := self._user(which):
            for _ in range(times):
                User.objects.filter(id=user).update(username=f"{user[:8]}-{next(self.numbers)}")
                self.committed.add((user, User.objects.get(id=user).version, False))

    @rule(which=st.integers(0, 9))
    def delete(self, which):
        if user := self._user(which):
            self.committed.add((user, User.objects.get(id=user).version + 1, True))
            User.objects.filter(id=user).delete()

    @rule()
    def send_all_again(self):
        publish_snapshots(FIRST_ID)

    @rule()
    def begin_late(self):
        """Takes a position in the outbox, and commits after others that took theirs later."""
        if self.late is None:
            options = connection.get_connection_params()
            names = ("dbname", "user", "password", "host", "port")
            self.late = psycopg.connect(**{name: options[name] for name in names})
            ((self.late_user,),) = self.late.execute(INSERT).fetchall()

    @rule()
    def commit_late(self):
        if self.late is not None:
            self.late.commit()
            self.late.close()
            self.late = None
            self.committed.add((self.late_user, 1, False))

    @rule(limit=LIMITS, refused=REFUSED)
    def relay_step(self, limit, refused, *, dies=False):
        self.topic.refused, self.topic.dies, self.relay.batch_size = refused, dies, limit
        self.relay.step()

    @rule(limit=LIMITS, refused=REFUSED)
    def relay_dies(self, limit, refused):
        self.relay_step(limit, refused, dies=True)

    @rule()
    def start_a_relay(self):
        """Another one, which knows nothing of what its predecessor held back."""
        self.relay = Relay(lambda: self.topic, stop=lambda: False, clock=lambda: self.now)

    @rule()
    def time_passes(self):
        self.now += HOLD_BACK

    numbers = itertools.count()

    def _user(self, which):
        users = list(User.objects.order_by("created_at", "id").values_list("id", flat=True))
        return str(users[which % len(users)]) if users else None

    @invariant()
    def nothing_is_invented(self):
        assert set(self.topic.messages) <= self.committed

    def teardown(self):
        self.commit_late()
        self.topic.refused, self.topic.dies, self.relay.batch_size = set(), False, 1000
        for _ in range(1000):
            if not OutboxEvent.objects.exists():
                break
            self.time_passes()
            self.relay.step()
        assert set(self.topic.messages) == self.committed
        last = {user: (version, deleted) for user, version, deleted in self.topic.messages}
        there = {user: version for user, (version, deleted) in last.items() if not deleted}
        users = User.objects.values_list("id", "version")
        assert there == {str(user): version for user, version in users}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    for name in ("TAKE_OVER", "WAIT", "LONGEST_BACKOFF", "SHORTEST_LOOK", "LONGEST_LOOK"):
        monkeypatch.setattr(f"outbox.relay.{name}", 0.0)


def run(**changes):
    # The seed alone decides; what a run found before has no part in it.
    options = {"max_examples": EXAMPLES, "database": None, "deadline": None, "print_blob": True}
    options |= {"stateful_step_count": 30, "suppress_health_check": list(HealthCheck)} | changes
    sys.stdout.write(f"ANY_ORDER_SEED={SEED}\n")
    run_state_machine_as_test(seed(SEED)(Producer), settings=settings(**options))


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0)
def test_any_order_ends_in_the_users():
    run()


def sends_only_what_fails(self, rows, results):
    return [row.position for row, failure in zip(rows, results, strict=True) if failure is None]


def never_looks_back(self, limit, **options):
    seen = self.__class__.seen
    rows = [row for row in FIRST_PENDING(self, limit, **options) if row.position > seen[0]]
    seen[0] = max([seen[0], *(row.position for row in rows)])
    return rows


FIRST_PENDING = OutboxQuerySet.first_pending


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("owner", "name", "wrong"),
    [
        pytest.param(Relay, "_sent", sends_only_what_fails, id="order of a user"),
        pytest.param(OutboxQuerySet, "first_pending", never_looks_back, id="late commits"),
    ],
)
def test_it_sees_what_is_left_out(monkeypatch, owner, name, wrong):
    monkeypatch.setattr(OutboxQuerySet, "seen", [0], raising=False)
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(AssertionError):
        run(max_examples=10_000, phases=[Phase.generate], report_multiple_bugs=False)
