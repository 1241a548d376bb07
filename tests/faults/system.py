"""The running system, what a row does with it, and the load around each row."""

import subprocess
import sys
import time
from contextlib import contextmanager

import psycopg
from confluent_kafka import KafkaException

from devstack.http import call
from devstack.services import project_folder
from tests.faults import checks, invariants
from tests.faults.invariants import require
from tests.faults.load import PATIENCE, Load
from tests.faults.parts import HEALING, Parts, as_child

STORED = "SELECT id, version FROM users UNION ALL SELECT id, version FROM deleted_users"


class System(Parts):
    """See `Parts`; gives its databases to SQL, and its commands to an operator."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        environment = self.stack.environment
        # For mechanisms that only the owner of the tables can switch off.
        self.stack.environment = lambda: {
            **environment(),
            "FAULTS_USERS_DB_OWNER": self.stack.users_db.url,
        }
        self.foreign = set()
        """(partition, offset) of messages that a row wrote itself."""
        self.load = None

    def __enter__(self):
        self.stack.__enter__()
        for database in (self.stack.users_db, self.stack.notes_db):
            # The owner, as whom rows look, then sees what the sessions of other roles do.
            with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
                superuser.execute(f"GRANT pg_read_all_stats TO {database.role}")
        self.users_sql(invariants.AUDIT_USERS)
        self.notes_sql(invariants.AUDIT_NOTES)
        self.onlooker = invariants.onlooker(self.stack.kafka.bootstrap_servers)
        return self

    def __exit__(self, *problem):
        self.go_on()
        self.onlooker.close()
        return self.stack.__exit__(*problem)

    def users_sql(self, statement, parameters=None):
        return _run(self.stack.users_db, statement, parameters)

    def notes_sql(self, statement, parameters=None):
        return _run(self.stack.notes_db, statement, parameters)

    def manage(self, project, *arguments, code=0, **variables):
        """Runs `manage.py` of a project to its end, with that exit code or, for None, any.

        Returns what it wrote.
        """
        program = ["manage.py", *arguments]
        if arguments[0] in self._without:
            program = as_child(program, off=[self.off])
        done = subprocess.run(
            [sys.executable, *program],
            cwd=project_folder(project),
            env=self.stack.environment_of(project) | variables,
            capture_output=True,
            text=True,
            timeout=120 * PATIENCE,
            check=False,
        )
        said = f"manage.py {' '.join(arguments)}: {done.returncode}, {done.stderr}{done.stdout}"
        assert code in (done.returncode, None), said
        return done.stdout + done.stderr

    def register(self, connection=None):
        """A user by plain SQL; gives the id."""
        statement = (
            "INSERT INTO users (email, username, password)"
            " VALUES (gen_random_uuid() || '@mailbox.example', gen_random_uuid(), '!') RETURNING id"
        )
        rows = connection.execute(statement).fetchall() if connection else self.users_sql(statement)
        return rows[0][0]

    def register_crowd(self):
        """So many users at once that each partition has some; gives their ids."""
        statement = (
            "INSERT INTO users (email, username, password)"
            " SELECT gen_random_uuid() || '@mailbox.example', gen_random_uuid(), '!'"
            " FROM generate_series(1, 200) RETURNING id"
        )
        return [user_id for (user_id,) in self.users_sql(statement)]

    def rename(self, *user_ids, times=1):
        """So many new versions of each user."""
        for _ in range(times):
            self.users_sql(
                "UPDATE users SET username = gen_random_uuid() WHERE id = ANY(%s)", [list(user_ids)]
            )

    def delete(self, user_id):
        self.users_sql("DELETE FROM users WHERE id = %s", [user_id])

    def waits_in_outbox(self, user_ids):
        query = "SELECT 1 FROM outbox WHERE aggregateid = ANY(%s::text[]) LIMIT 1"
        return bool(self.users_sql(query, [[str(user_id) for user_id in user_ids]]))

    def wait_for_shadow(self, user_id, version=1):
        """Until notes_db has that version of the user, or a newer one, or a deletion."""
        query = f"SELECT 1 FROM ({STORED}) AS stored WHERE id = %s AND version >= %s"
        self.wait(lambda: self.notes_sql(query, [user_id, version]), "I6: the event arrives")

    def wait_for_changes(self, count):
        """Until so many more changes were committed in users_db."""
        query = "SELECT count(*) FROM faults.changes"
        ((before,),) = self.users_sql(query)
        self.reach(lambda: self.users_sql(query)[0][0] >= before + count, f"{count} more changes")

    def readiness(self, project, timeout=10):
        """The status of a web service's answer by way of the gateway; None where none comes."""
        try:
            return call("GET", f"{self.stack.gateway_url}/readyz/{project}", timeout=timeout)[0]
        except OSError:
            return None

    def wait_until_applied(self, timeout=HEALING):
        """Until all that is committed by now is in notes_db, with the load going on."""
        wanted = self.users_sql("SELECT id, version FROM users")
        ((newest,),) = self.users_sql("SELECT COALESCE(max(position), 0) FROM outbox")
        waiting = "SELECT 1 FROM outbox WHERE position <= %s LIMIT 1"
        self.wait(lambda: not self.users_sql(waiting, [newest]), "I6: the outbox is sent", timeout)
        ends = self.ends()

        def read():
            stored = invariants.positions(self.notes_sql)
            return all(stored.get(number, 0) >= end for number, end in ends.items())

        self.wait(read, "I6: what was sent is read", timeout)
        found = dict(self.notes_sql(STORED))
        lost = [(user, version) for user, version in wanted if found.get(user, 0) < version]
        require(not lost, f"I1: {len(lost)} changes are not in notes_db", *lost)

    def wait_until_red(self, project):
        """Until the gateway says that a web service is not ready."""
        self.wait(lambda: self.readiness(project) != 200, f"I6: {project} is red")

    def reach_answers(self, load):
        """Until every kind of change, asked for from now on, was answered with ok."""
        since = time.monotonic()
        self.reach(lambda: load.answered(since), "all answers")

    def wait_for_answers(self, load):
        """The same where the system owes it: after a fault."""
        since = time.monotonic()
        self.wait(lambda: load.answered(since), "I6: the API answers again")

    def require_answers(self, load, since, excused=()):
        """Until every kind of change was answered since then; each with ok.

        Args:
            excused: (what for, status) of those that may be refused.
        """

        def refused():
            return [a for a in load.refused(since) if (a.asked, a.status) not in excused]

        self.reach(lambda: load.answered(since) or refused(), "all answers")
        require(not refused(), "the API does not answer with 2xx", *refused())

    @contextmanager
    def under_load(self, rng, people=2, *, sampled=True):
        """A stream of changes around a fault; then everything heals, and I1 to I8 hold.

        Gives the `Load`, once every kind of change was answered with ok.

        Args:
            sampled: look at I5 all the time, not only in the end.
        """
        self.nothing_done()
        self._loads = []
        self.count_from(invariants.positions(self.notes_sql))
        sampler = checks.Sampler(self)
        if sampled:
            sampler.start()
        try:
            self.reach(self.start_load(rng, people).answered, "answers before the fault")
            yield self.load
            self.heal()
            for project in ("users", "notes"):
                self.wait(lambda p=project: self.readiness(p) == 200, f"I6: {project} is ready")
            self.wait_for_answers(self.load)
        finally:
            self.go_on()
            for load in self._loads:
                load.stop()
            sampler.stop()
        self.wait(self.no_lag, "I6: the outbox is empty, and the lag 0")
        checks.check(self, self._loads, self._before, self._newest, sampler)

    def start_load(self, rng, people=2):
        """A stream of changes; those of an earlier one are looked at too, in the end."""
        self.load = Load(self.stack.gateway_url, self.stack.users_db.url, rng, people)
        self._loads.append(self.load)
        self.load.start()
        return self.load

    def count_from(self, positions):
        """I7 looks at what is consumed from these stored positions on, and recorded from now on."""
        self._before = positions
        ((self._newest,),) = self.notes_sql("SELECT COALESCE(max(id), 0) FROM event_log")

    def no_lag(self):
        if self.users_sql("SELECT count(*) FROM outbox") != [(0,)]:
            return False
        stored = invariants.positions(self.notes_sql)
        return all(stored.get(number, 0) == end for number, end in self.ends().items())

    def ends(self):
        """The next offset of each partition."""
        return self.once_kafka_answers(lambda: invariants.end_offsets(self.onlooker))

    def require_committed_is_applied(self):
        """I5, as it is now."""
        self.once_kafka_answers(
            lambda: invariants.committed_is_applied(self.onlooker, self.notes_sql)
        )

    def once_kafka_answers(self, ask):
        """What ``ask`` gives. While a broker comes back, Kafka may refuse what it is asked."""
        answers = []

        def answered():
            try:
                answers.append(ask())
            except KafkaException:
                return False
            return True

        self.wait(answered, "I6: Kafka answers")
        return answers[0]


def _run(database, statement, parameters):
    # A statement that its server does not answer would hold up the row for ever.
    with psycopg.connect(database.url, autocommit=True, connect_timeout=2) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []
