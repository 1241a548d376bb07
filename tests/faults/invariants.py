"""I1 to I8: what may never break. Each check raises `Broken`, whose text begins with its name."""

import json
from collections import Counter, namedtuple
from uuid import UUID

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from tests.faults.load import FAILED, OK

TOPIC, GROUP = "user-events", "notes-users"
FACTS = "id, username, created_at, version, is_active, tokens_valid_after"
OUTCOMES = {"applied", "stale", "duplicate", "superseded", "ignored", "dead"}

# A record of what was committed that owes nothing to the outbox.
AUDIT_USERS = """
CREATE SCHEMA faults;
CREATE TABLE faults.changes AS SELECT id, version, username::text FROM users;
CREATE TABLE faults.excused (LIKE faults.changes);
CREATE FUNCTION faults.record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO faults.changes VALUES (OLD.id, OLD.version + 1, NULL);
    ELSIF TG_OP = 'INSERT' OR NEW.version > OLD.version THEN
        INSERT INTO faults.changes VALUES (NEW.id, NEW.version, NEW.username);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER faults_record AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION faults.record_change();
"""

# A person's command that deletes users whom users_db has not: the outbox row is the change.
AUDIT_DELETIONS = """
CREATE OR REPLACE FUNCTION faults.record_deletion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO faults.changes
    VALUES (NEW.aggregateid::uuid, (NEW.payload -> 'data' ->> 'version')::bigint, NULL);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER faults_record_deletion AFTER INSERT ON outbox
    FOR EACH ROW WHEN (NEW.type = 'user.deleted.v1') EXECUTE FUNCTION faults.record_deletion();
"""

# Those whose message is gone, with the topic; what waits in the outbox will be sent.
EXCUSE = """
INSERT INTO faults.excused SELECT * FROM faults.changes EXCEPT
SELECT aggregateid::uuid, (data ->> 'version')::bigint, data ->> 'username'
FROM outbox, LATERAL (SELECT payload -> 'data') AS event (data)
"""

# What a look at the end alone would miss: a state that was wrong for a while.
AUDIT_NOTES = """
CREATE SCHEMA faults;
CREATE TABLE faults.violations (text text);
CREATE FUNCTION faults.watch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version < OLD.version THEN
        INSERT INTO faults.violations
        VALUES (format('I3: %s went from version %s to %s', NEW.id, OLD.version, NEW.version));
    END IF;
    IF EXISTS (SELECT FROM deleted_users WHERE id = NEW.id) THEN
        INSERT INTO faults.violations VALUES (format('I8: %s came back', NEW.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER faults_watch AFTER INSERT OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION faults.watch();
"""

Event = namedtuple("Event", "place id version username")
"""Of a message: ``place`` is (partition, offset), ``username`` None for a deletion."""


class Broken(AssertionError):
    """An invariant does not hold."""


def require(condition, text, *examples):
    if not condition:
        raise Broken(text + "".join(f"\n  {example}" for example in examples[:5]))


def every_answer_holds(accounts, users_sql, notes_sql):
    """I1: what was answered with ok is in the database, and what was refused is not."""
    names = dict(users_sql("SELECT email, username FROM users"))
    wrong = [
        f"{account.email} is {names.get(account.email)}, not one of {account.usernames}"
        for account in accounts
        if names.get(account.email) not in account.usernames
    ]
    require(not wrong, "I1: an answer does not hold in users_db", *wrong)
    titles = {title for (title,) in notes_sql("SELECT title FROM notes")}
    wrong = [
        f"{title!r} by {account.email}: {outcome}, {'there' if title in titles else 'not there'}"
        for account in accounts
        for title, outcome in account.notes.items()
        if (outcome == OK and title not in titles and names.get(account.email))
        or (outcome == FAILED and title in titles)
        or (title in titles and not names.get(account.email))
    ]
    require(not wrong, "I1: an answer does not hold in notes_db", *wrong)


def shadows_equal_users(users_sql, notes_sql):
    """I1: the shadow users are the users, row by row."""
    query = f"SELECT {FACTS} FROM users"
    users, shadows = set(users_sql(query)), set(notes_sql(query))
    require(
        users == shadows,
        f"I1: {len(users - shadows)} users without their shadow, {len(shadows - users)} others",
        *(f"user   {row}" for row in sorted(users - shadows, key=str)[:3]),
        *(f"shadow {row}" for row in sorted(shadows - users, key=str)[:2]),
    )


def messages_are_changes(events, users_sql):
    """I2: every message traces to a committed change, and every change has its message."""
    changes = set(users_sql("SELECT * FROM faults.changes"))
    excused = set(users_sql("SELECT * FROM faults.excused"))
    sent = {(event.id, event.version, event.username) for event in events}
    invented, lost = sent - changes, changes - sent - excused
    require(not invented, f"I2: {len(invented)} messages tell of no committed change", *invented)
    require(not lost, f"I2: {len(lost)} committed changes have no message", *lost)


def newest_is_last(events):
    """I4: compaction keeps the last message of each user, so that must be the newest.

    A deletion is the last word, whatever its version.
    """
    last, newest = {}, {}
    for event in events:
        word = (True, 0) if event.username is None else (False, event.version)
        last[event.id] = word
        newest[event.id] = max(word, newest.get(event.id, word))
    wrong = [f"{i}: last {last[i]}, newest {newest[i]}" for i in last if last[i] < newest[i]]
    require(not wrong, f"I4: of {len(wrong)} users the last message is not the newest", *wrong)


def no_violation_was_seen(notes_sql):
    """I3 and I8, as the trigger saw every single write."""
    seen = [text for (text,) in notes_sql("SELECT text FROM faults.violations ORDER BY text")]
    require(not seen, f"{seen[0][:2] if seen else ''}: {len(seen)} writes", *seen)


def deleted_stay_away(notes_sql):
    """I8: nobody has both a shadow row and a tombstone."""
    back = notes_sql("SELECT id FROM users JOIN deleted_users USING (id)")
    require(not back, f"I8: {len(back)} deleted users are back", *back)


def committed_is_applied(onlooker, notes_sql):
    """I5: no committed offset is ahead of its stored position. Raises KafkaException.

    Args:
        onlooker: see there.
    """
    # The committed ones first: the stored ones only grow.
    committed, stored = committed_offsets(onlooker), positions(notes_sql)
    ahead = [
        f"partition {number}: committed {offset}, stored {stored.get(number, 0)}"
        for number, offset in committed.items()
        if offset > stored.get(number, 0)
    ]
    require(not ahead, "I5: committed offsets are ahead of what was applied", *ahead)


def each_message_is_recorded_once(before, after, rows, events):
    """I7: consumed = applied + stale + duplicate + superseded + ignored + dead.

    A place can have several messages: where the disk is full just as Kafka has to write to an index
    for the first time, a message is refused that is in the log already, and the next one gets its
    offset. After the restart that such an index needs, Kafka gives out both.

    Args:
        before, after: the stored positions.
        rows: (partition, offset, outcome) of the event log in between.
        events: all that is in the topic.
    """
    held = Counter(event.place for event in events)
    consumed = {
        (number, offset)
        for number, end in after.items()
        for offset in range(before.get(number, 0), end)
    }
    recorded = Counter((number, offset) for number, offset, _ in rows)
    twice = [
        f"{place}: {count} times"
        for place, count in recorded.items()
        if count > max(1, held[place])
    ]
    require(not twice, f"I7: {len(twice)} messages were recorded more than once", *twice)
    differing = consumed ^ set(recorded)
    require(not differing, f"I7: {len(differing)} messages consumed or recorded alone", *differing)
    require({outcome for *_, outcome in rows} <= OUTCOMES, "I7: a row has no known outcome")


def positions(notes_sql):
    query = "SELECT partition, next_offset FROM positions WHERE topic = %s"
    return dict(notes_sql(query, [TOPIC]))


def onlooker(servers):
    """A client with the group's id that never joins the group."""
    return Consumer({"bootstrap.servers": servers, "group.id": GROUP, "log_level": 0})


def read_topic(servers, foreign=()):
    """All events, in the order of each partition, without those at the ``foreign`` places."""
    consumer = onlooker(servers)
    try:
        places = _places(consumer)
        reach = {p.partition: consumer.get_watermark_offsets(p, timeout=5) for p in places}
        ends = {number: end for number, (_, end) in reach.items()}
        unread = {number for number, (begin, end) in reach.items() if end > begin}
        consumer.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in ends])
        messages = []
        while unread:
            for message in consumer.consume(1000, 0.2):
                require(message.error() is None, f"the topic cannot be read: {message.error()}")
                messages.append(message)
                if message.offset() + 1 == ends[message.partition()]:
                    unread.discard(message.partition())
    finally:
        consumer.close()
    places = [(message.partition(), message.offset()) for message in messages]
    read = zip(places, messages, strict=True)
    return [_event(place, message) for place, message in read if place not in foreign]


def committed_offsets(onlooker):
    """By partition, negative where there is none. Raises KafkaException."""
    places = onlooker.committed(_places(onlooker), timeout=2)
    return {place.partition: place.offset for place in places}


def end_offsets(onlooker):
    """The next offset of each partition. Raises KafkaException."""
    places = _places(onlooker)
    return {p.partition: onlooker.get_watermark_offsets(p, timeout=2)[1] for p in places}


def _places(onlooker):
    numbers = onlooker.list_topics(TOPIC, 2).topics[TOPIC].partitions
    return [TopicPartition(TOPIC, number) for number in numbers]


def _event(place, message):
    data = json.loads(message.value())["data"]
    return Event(place, UUID(data["id"]), data["version"], data.get("username"))
