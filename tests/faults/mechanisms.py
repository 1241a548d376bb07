"""The mechanisms that the rows cover, each as a function that switches it off in its own process.

`tests.faults.child` calls it in the processes of the parts, or of the management command, that
`off_in` names. Where that is the ``stack``, it is called with the stack, before that starts.
"""

import re

from devstack import nginx

_PARTS = {}


def off_in(*parts):
    """Says in which parts' or commands' processes a mechanism is switched off."""

    def register(function):
        _PARTS[function.__name__] = parts
        return function

    return register


def parts_of(name):
    return _PARTS[name]


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
    """What could not be sent counts as sent."""
    from outbox.relay import Relay

    Relay._sent = lambda _, rows, __: [row.position for row in rows]


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
        rows = first_pending(self.filter(position__gt=seen[0]), limit, **options)
        seen[0] = max([seen[0], *(row.position for row in rows)])
        return rows

    OutboxQuerySet.first_pending = read_on


@off_in("relay")
def relay_retries():
    """A lost connection ends the relay."""
    from outbox.relay import Relay

    Relay._lose_database = _give_up


@off_in("relay")
def relay_limit():
    """The relay waits for its database without limit."""
    from outbox.management.commands import relay_outbox

    relay_outbox.limit_answers = lambda: None


@off_in("consumer")
def version_gate():
    """Every state is stored, in the order in which they come."""
    from users import gate

    gate._UPSERT = _replaced(gate._UPSERT, "stored.version < EXCLUDED.version", "true")


@off_in("consumer")
def one_transaction():
    """How far it has read is stored first, by a transaction of its own."""
    from django.db import transaction

    from inbox import apply

    lock, apply_batch = apply._lock_positions, apply._apply

    def store_first(records, known):
        ends = {apply._partition(r.message): r.message.offset + 1 for r in records}
        with transaction.atomic():
            lock(set(ends))
            apply._store_positions(ends)
        return apply_batch(records, {})

    apply._apply = store_first
    apply._lock_positions = lambda partitions: dict.fromkeys(partitions, 0)


@off_in("consumer")
def stored_positions():
    """Reading begins where Kafka says, and nothing is dropped below a stored position."""
    from confluent_kafka import TopicPartition

    from inbox.kafka import Subscription

    start = Subscription.start

    def start_at_committed(self, positions):
        places = [TopicPartition(self._topic, number) for number in self.waiting]
        committed = self._consumer.committed(places, timeout=5)
        start(self, {place.partition: max(0, place.offset) for place in committed})

    Subscription.start = start_at_committed
    fence()


@off_in("consumer")
def start_of_reading():
    """Reading a partition begins at its end."""
    from inbox.kafka import Subscription

    Subscription._start_of = lambda *arguments: arguments[-1]


@off_in("consumer")
def consumer_retries():
    """A lost connection ends the consumer."""
    from inbox.consumer import EventConsumer

    EventConsumer._retry_later = _give_up


@off_in("consumer")
def consumer_limit():
    """The consumer waits for its database without limit."""
    from inbox.management.commands import consume_user_events

    consume_user_events.limit_answers = lambda: None


@off_in("consumer")
def dead_letters():
    """What cannot be read is passed over with a log line."""
    from inbox import apply

    apply._write_dead_letters = lambda _: None


@off_in("consumer")
def dead_letter_limit():
    """Bad messages never stop the consumer."""
    from inbox.consumer import EventConsumer

    EventConsumer.require_few_dead_letters = lambda _: None


@off_in("consumer")
def reader():
    """A release that asks for a member that no message has."""
    from inbox import apply
    from inbox.messages import InvalidMessage

    def parse(message):
        raise InvalidMessage("data.nickname: missing")

    apply.parse = parse


@off_in("consumer")
def positions():
    """Where a partition was read to is known only to the worker that has it."""
    from inbox.kafka import Subscription

    start = Subscription.start
    Subscription.start = lambda self, _: start(self, {})
    fence()


@off_in("consumer")
def fence():
    """Nothing is dropped below a stored position."""
    from inbox import apply

    lock, apply_batch = apply._lock_positions, apply._apply
    apply._lock_positions = lambda partitions: lock(partitions) and dict.fromkeys(partitions, 0)
    apply._apply = lambda records, _: apply_batch(records, {})


@off_in("consumer")
def recreated_topic():
    """A topic made anew is read on, from its end where the position is not in it."""
    from inbox.consumer import EventConsumer
    from inbox.kafka import Subscription

    def start_of(_, number, positions, low, high):
        stored = positions.get(number, 0)
        return stored if low <= stored <= high else high

    handle = Subscription._handle
    Subscription._handle = lambda self, error: handle(self, error) if error.fatal() else None
    Subscription._start_of = start_of
    EventConsumer._look_at_topic_and_positions = lambda _: None


@off_in("consumer")
def unread_messages():
    """Reading goes on where the topic begins, whatever was there before."""
    from inbox import kafka

    kafka.require_inside = lambda *_: None


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
    reconcile._DIFFERENCES["behind"] = behind.replace("t.ambiguous OR", "")


@off_in("users")
def outbox():
    """A registration waits for the broker."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from django.conf import settings

    from accounts.serializers import RegistrationSerializer
    from config.errors import ServiceUnavailable

    create = RegistrationSerializer.create

    def ask_kafka(self, data):
        admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
        try:
            admin.list_topics(timeout=1)
        except KafkaException:
            raise ServiceUnavailable from None
        return create(self, data)

    RegistrationSerializer.create = ask_kafka


@off_in("users")
def event_by_trigger_first():
    """The event of a registration is committed before its row."""
    from accounts.models import UserQuerySet

    write_event, create_user = _without_trigger(), UserQuerySet.create_user

    def create_and_tell(self, *args, **fields):
        user = create_user(self, *args, **fields)
        write_event(user.pk)
        return user

    UserQuerySet.create_user = create_and_tell


@off_in("users")
def event_by_trigger_last():
    """The event of a registration is committed after its row."""
    from accounts.views import UserList

    write_event, get_success_headers = _without_trigger(), UserList.get_success_headers

    def tell(self, data):
        write_event(data["id"])
        return get_success_headers(self, data)

    UserList.get_success_headers = tell


def _without_trigger():
    """Hides this process's registrations from the trigger; gives what writes an event instead."""
    import os

    import psycopg
    from django.db import connection

    os.environ["PGAPPNAME"] = "without-trigger"
    with connection.cursor() as cursor:
        cursor.execute(
            "BEGIN; DROP TRIGGER users_capture_insert ON users;"
            " CREATE TRIGGER users_capture_insert AFTER INSERT ON users"
            " REFERENCING NEW TABLE AS added FOR EACH STATEMENT"
            " WHEN (current_setting('application_name') <> 'without-trigger')"
            " EXECUTE FUNCTION users_capture_insert(); COMMIT"
        )
    connection.close()

    def write_event(user_id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT user_event_data(u)::text FROM users u WHERE id = %s", [user_id])
            (data,) = cursor.fetchone()
        # Over a connection of its own, so whatever becomes of the row.
        parameters = connection.get_connection_params()
        names = ("dbname", "user", "password", "host", "port")
        with psycopg.connect(**{name: parameters[name] for name in names}) as other:
            other.execute(
                "INSERT INTO outbox (aggregatetype, type, payload)"
                " VALUES ('user', 'user.created.v1', %s::jsonb)",
                [data],
            )

    return write_event


@off_in("stack")
def gateway_limits(stack):
    """The gateway waits for its services for an hour."""
    template = stack.folder / "nginx.conf.template"
    text = nginx.TEMPLATE.read_text()
    template.write_text(re.sub(r"(proxy_(?:connect|read)_timeout) \w+", r"\1 1h", text))
    stack.gateway.template = template


@off_in("users", "notes")
def connection_limits():
    """libpq waits for a server as long as the kernel does."""
    from django.conf import settings

    settings.DATABASES["default"]["OPTIONS"] = {}


@off_in("notes")
def key_file():
    """The web server has no copy of the public keys."""
    from django.conf import settings

    settings.NOTES_JWKS_FILE = ""


@off_in("consumer")
def batches():
    """Each message has a transaction of its own."""
    from inbox.consumer import EventConsumer

    with_batches = EventConsumer.__init__

    def one_by_one(self, subscription, topic, _batch_size):
        with_batches(self, subscription, topic, 1)

    EventConsumer.__init__ = one_by_one


@off_in("stack")
def copies(stack):
    """Each partition is on one broker."""
    stack.COPIES = stack.WRITTEN = 1


@off_in("relay")
def two_copies():
    """The leader's word alone makes a message count."""
    from outbox import kafka
    from outbox.management.commands import relay_outbox

    def config(servers):
        return kafka.producer_config(servers) | {"acks": 1, "enable.idempotence": False}

    relay_outbox.producer_config = config


@off_in("notes")
def token_times():
    """What is wrong with a token's times is no case that the code knows."""
    import jwt

    from users import tokens

    class Decoder:
        PyJWTError = jwt.InvalidKeyError
        ExpiredSignatureError = jwt.InvalidKeyError

        def __getattr__(self, name):
            return getattr(jwt, name)

    tokens.jwt = Decoder()


@off_in("users")
def never_back():
    """Tokens are valid from the database's present time on."""
    from accounts import models

    models.Greatest = lambda now, _: now


@off_in("consumer")
def versions():
    """An event older than the newest one of its user is passed over."""

    from inbox import apply
    from inbox.messages import Kind

    parse, newest = apply.parse, {}

    def parse_by_time(message):
        event = parse(message)
        late = event.time < newest.setdefault(event.user_id, event.time)
        newest[event.user_id] = max(newest[event.user_id], event.time)
        return event._replace(kind=Kind.IGNORED) if late else event

    apply.parse = parse_by_time


@off_in("stack")
def message_times(stack):
    """The broker refuses a message that is a minute old or early."""
    settings, limit = stack.kafka.settings, "log.message.timestamp.{}.max.ms"
    limits = {limit.format(side): 60_000 for side in ("before", "after")}
    stack.kafka.settings = lambda: settings() | limits


@off_in("consumer")
def monotonic_clock():
    """The consumer waits until a time of day."""
    import time

    from inbox.consumer import EventConsumer

    make = EventConsumer.__init__

    def by_wall_clock(self, *arguments):
        make(self, *arguments, clock=time.time)

    EventConsumer.__init__ = by_wall_clock


def _give_up(self, *errors):
    raise SystemExit(f"without retries: {errors}")


def _replaced(text, old, new):
    assert old in text, text
    return text.replace(old, new)
