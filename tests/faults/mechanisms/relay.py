"""Of the relay, and of users_project's commands."""

from tests.faults.mechanisms.registry import give_up, off_in, replaced


@off_in("relay")
def acknowledgement():
    """Rows leave the outbox when they are read."""
    from outbox.models import OutboxEvent, OutboxQuerySet

    first_pending = OutboxQuerySet.first_pending

    def read_and_delete(self, limit, **options):
        rows = first_pending(self, limit, **options)
        OutboxEvent.objects.filter(position__in=[row.position for row in rows]).delete()
        return rows

    OutboxQuerySet.first_pending = read_and_delete


@off_in("relay")
def delivery_reports():
    """What could not be sent is said, and counts as sent."""
    from outbox.relay import Relay

    sent = Relay._sent

    def all_sent(self, rows, results):
        sent(self, rows, results)
        return [row.position for row in rows]

    Relay._sent = all_sent


@off_in("relay")
def acks():
    """A message counts as sent when it is on its way."""
    from outbox.management.commands import relay_outbox

    config = relay_outbox.producer_config
    relay_outbox.producer_config = lambda servers: {
        **config(servers),
        "enable.idempotence": False,
        "acks": 0,
    }


@off_in("relay")
def advisory_lock():
    """Every relay is active."""
    from outbox import relay

    relay.Relay._become_active = lambda _: relay.connection.ensure_connection() or True


@off_in("relay")
def oldest_first():
    """Rows are read from the last one seen."""
    from outbox.models import OutboxQuerySet

    seen = [0]
    first_pending = OutboxQuerySet.first_pending

    def read_on(self, limit, **options):
        rows = [row for row in first_pending(self, limit, **options) if row.position > seen[0]]
        seen[0] = max([seen[0], *(row.position for row in rows)])
        return rows

    OutboxQuerySet.first_pending = read_on


@off_in("relay")
def relay_retries():
    """A lost connection ends the relay."""
    from outbox.relay import Relay

    Relay._lose_database = give_up


@off_in("relay")
def relay_limit():
    """The relay waits for its database without limit."""
    from outbox.management.commands import relay_outbox

    relay_outbox.limit_answers = lambda: None


@off_in("reconcile_topic")
def above_the_topic():
    """Users of whom the topic has a newer state are sent as they are."""
    from outbox import reconcile

    reconcile._REPAIRS["behind"] = reconcile.SNAPSHOT


@off_in("reconcile_topic")
def two_contents():
    """Of two states with one version the topic is taken to have the last alone."""
    from outbox import reconcile

    behind = reconcile._DIFFERENCES["behind"]
    reconcile._DIFFERENCES["behind"] = replaced(behind, "t.ambiguous OR", "")


@off_in("relay")
def two_copies():
    """The leader's word alone makes a message count."""
    from outbox import kafka
    from outbox.management.commands import relay_outbox

    def config(servers):
        return kafka.producer_config(servers) | {"acks": 1, "enable.idempotence": False}

    relay_outbox.producer_config = config


@off_in("relay")
def hand_over():
    """A relay that has lost its lock goes on sending, and the next one waits for nothing."""
    from outbox import relay

    relay.TAKE_OVER = 0
    relay.Relay._gives_up = lambda _: False


@off_in("relay")
def idle_limit():
    """PostgreSQL keeps the lock of a relay that hangs."""
    from outbox import relay

    relay._SESSION = replaced(relay._SESSION, "SET idle_session_timeout = '25s';", "")
