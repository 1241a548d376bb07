"""One relay loses its connection with messages in hand, and the next one is there at once."""

import pytest
from django.db import connection

from accounts.models import User
from devstack.ports import free_ports
from devstack.processes import wait_until
from outbox.kafka import Publisher, producer_config
from outbox.models import OutboxEvent
from outbox.relay import ADVISORY_LOCK, Relay
from tests.threads import in_thread


class ToNobody(Publisher):
    """Of the first relay: no Kafka listens where it sends."""

    def __init__(self, seen):
        super().__init__(producer_config(f"127.0.0.1:{free_ports()}"), "user-events")
        self._seen = seen

    def close(self):
        super().close()
        self._seen.append("dropped")


class Recorder:
    """Of the next one."""

    def __init__(self, seen):
        self._seen = seen

    def publish(self, messages, _):
        self._seen.append("sent")
        return [None for _ in messages]

    def close(self):
        pass


def run_until_sent(seen, publisher):
    relay = Relay(lambda: publisher, stop=lambda: False)
    while "sent" not in seen:
        relay.step()


def holder():
    """The session that has the relays' lock and has asked whether it still has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE locktype = 'advisory' AND objid = %s AND query = 'SELECT 1'",
            [ADVISORY_LOCK],
        )
        return cursor.fetchone()


@pytest.mark.django_db(transaction=True)
def test_the_next_one_waits_until_the_first_has_dropped_its_messages(monkeypatch):
    monkeypatch.setattr("outbox.relay.WAIT", 0.01)  # It asks for the lock all the time.
    User.objects.create(username="ada", email="ada@example.com", password="!")
    seen = []
    first = in_thread(lambda: Relay(lambda: ToNobody(seen), stop=lambda: False).step())
    assert wait_until(holder, 10, every=0.01)
    following = in_thread(lambda: run_until_sent(seen, Recorder(seen)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", holder())
    first.result(20)
    following.result(20)
    assert seen == ["dropped", "sent"]
    assert not OutboxEvent.objects.exists()
