"""Of the consumer, and of notes_project's commands."""

from tests.faults.mechanisms.registry import give_up, off_in, replaced


@off_in("consumer")
def one_transaction():
    """How far it has read is stored first, by a transaction of its own."""
    import orjson
    from django.db import connection

    from inbox import apply

    move, write = apply._MOVE_POSITIONS, apply._write

    def store_first(records, known):
        moves = apply._moves(records, known)
        with connection.cursor() as cursor:
            cursor.execute(move, [orjson.dumps(moves).decode(), False])
            if cursor.rowcount < len(moves):
                raise apply._Fenced
        write(records, known)

    apply._write = store_first
    apply._MOVE_POSITIONS = "SELECT FROM json_to_recordset(%s) AS move (topic text) WHERE NOT %s"


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
def limit_to_joining():
    """librdkafka's own."""
    from inbox.management.commands import consume_user_events as command

    configure = command.consumer_config

    def without(*arguments):
        config = configure(*arguments)
        del config["max.poll.interval.ms"]
        return config

    command.consumer_config = without


@off_in("consumer")
def consumer_retries():
    """A lost connection ends the consumer."""
    from inbox.consumer import EventConsumer

    EventConsumer._retry_later = give_up


@off_in("consumer")
def consumer_limit():
    """The consumer waits for its database without limit."""
    from inbox.management.commands import consume_user_events

    consume_user_events.limit_answers = lambda: None


@off_in("consumer")
def session_limits():
    """PostgreSQL keeps the locks of a consumer that hangs."""
    from config.postgresql import base

    base.LIMITS = {}


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
    """Where a partition was read to is known only to the worker that has it, to no fence either."""
    from inbox.kafka import Subscription

    start = Subscription.start
    Subscription.start = lambda self, _: start(self, {})
    fence()


@off_in("consumer")
def fence():
    """Nothing is dropped below a stored position."""
    from inbox import apply

    condition = "AND stored.next_offset BETWEEN move.known AND move.first"
    apply._MOVE_POSITIONS = replaced(apply._MOVE_POSITIONS, condition, "")


@off_in("consumer")
def went_back():
    """What a worker knows of its positions is not compared with those that are stored."""
    from inbox import consumer

    apply_batch = consumer.apply_batch
    consumer.apply_batch = lambda records, _: apply_batch(records, {})
    consumer.EventConsumer._look_at_topic_and_positions = lambda _: None


@off_in("rebuild_users")
def rebuild():
    """A user who is there is taken for up to date."""
    from inbox import rebuild

    rebuild._DIFFERENCES["stale"] = replaced(
        rebuild._DIFFERENCES["stale"], "WHERE", "WHERE false AND"
    )


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


@off_in("consumer")
def batches():
    """Each message has a transaction of its own."""
    from inbox.consumer import EventConsumer

    with_batches = EventConsumer.__init__

    def one_by_one(self, subscription, topic, _batch_size):
        with_batches(self, subscription, topic, 1)

    EventConsumer.__init__ = one_by_one


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


@off_in("consumer")
def event_times():
    """An event whose time is minutes away is passed over."""
    from datetime import UTC, datetime

    from inbox import apply
    from inbox.messages import Kind

    parse = apply.parse

    def parse_in_time(message):
        event = parse(message)
        late = abs((event.time - datetime.now(UTC)).total_seconds()) > 5 * 60
        return event._replace(kind=Kind.IGNORED) if late else event

    apply.parse = parse_in_time


@off_in("consumer")
def commit_last():
    """Kafka is told of a batch before it is applied."""
    from confluent_kafka import TopicPartition

    from inbox.consumer import EventConsumer

    apply = EventConsumer._apply

    def commit_first(self):
        ends = {r.message.partition: r.message.offset + 1 for r in self.in_hand}
        if places := [TopicPartition(self.topic, *end) for end in ends.items()]:
            self.subscription._consumer.commit(offsets=places, asynchronous=False)
        return apply(self)

    EventConsumer._apply = commit_first


@off_in("consumer")
def durable():
    """Kafka is told of what is applied, whether that is on the disk or not."""
    from inbox import consumer
    from inbox.models import Position

    consumer.make_durable = lambda topic, _: dict(
        Position.objects.filter(topic=topic).values_list("partition", "next_offset")
    )
