"""What the system must be like after each row and, of I5, all the time."""

import threading
from functools import partial

import psycopg
from confluent_kafka import KafkaException

from tests.faults import invariants
from tests.faults.invariants import Broken, require

# What a replay did with a dead letter counts in its place.
RECORDED = """
SELECT partition, "offset", outcome FROM event_log WHERE id > %s AND NOT (outcome = 'dead'
    AND (topic, partition, "offset") IN
        (SELECT topic, partition, "offset" FROM dead_letters WHERE resolution = 'replayed'))
"""


def check(system, loads, before, newest, sampler):
    """I1 to I8, with nothing on its way any more. `Broken` names all that do not hold.

    Args:
        before: the stored positions before the row.
        newest: the id of the newest row of the event log before the row.
        sampler: has looked at I5 during the row.
    """
    users_sql, notes_sql = system.users_sql, system.notes_sql
    servers = system.stack.kafka.bootstrap_servers
    events = system.once_kafka_answers(partial(invariants.read_topic, servers, system.foreign))
    after, recorded = invariants.positions(notes_sql), notes_sql(RECORDED, [newest])
    looks = [
        sampler.require_nothing_seen,
        *(
            partial(invariants.every_answer_holds, load.accounts, users_sql, notes_sql)
            for load in loads
        ),
        partial(invariants.shadows_equal_users, users_sql, notes_sql),
        partial(invariants.messages_are_changes, events, users_sql),
        partial(invariants.newest_is_last, events),
        partial(invariants.deleted_stay_away, notes_sql),
        system.require_committed_is_applied,
        partial(invariants.each_message_is_recorded_once, before, after, recorded, events),
        partial(_reading_again_changes_nothing, system),
        partial(invariants.no_violation_was_seen, notes_sql),
    ]
    broken = []
    for look in looks:
        try:
            look()
        except Broken as error:
            broken.append(str(error))
    require(not broken, "\n".join(broken))


def _reading_again_changes_nothing(system):
    """I4: by the consumer itself, which then goes on."""
    query = f"SELECT {invariants.FACTS} FROM users ORDER BY id"
    buried = "SELECT id, version FROM deleted_users ORDER BY id"
    before = system.notes_sql(query), system.notes_sql(buried)
    system.stack.consumer.stop()
    system.manage("notes", "consume_user_events", "--from-beginning", "--until-caught-up")
    after = system.notes_sql(query), system.notes_sql(buried)
    system.stack.consumer.start()
    require(before == after, "I4: reading the whole topic again changed something")


class Sampler(threading.Thread):
    """Looks at I5 all the time, as far as Kafka and notes_db answer."""

    def __init__(self, system):
        super().__init__(daemon=True)  # It may wait for a broker that an interrupted run has ended.
        self._system = system
        self._end = threading.Event()
        self._broken = None

    def run(self):
        onlooker = invariants.onlooker(self._system.stack.kafka.bootstrap_servers)
        while not self._end.wait(0.3) and not self._broken:
            try:
                invariants.committed_is_applied(onlooker, self._system.notes_sql)
            except (KafkaException, psycopg.OperationalError):
                continue
            except Broken as error:
                self._broken = error
        onlooker.close()

    def stop(self):
        self._end.set()
        if self.ident:
            self.join()

    def require_nothing_seen(self):
        if self._broken:
            raise self._broken
