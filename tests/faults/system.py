"""The running system, what a row may do to it, and what it must be like afterwards."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException

from devstack import processes
from devstack.http import call
from devstack.ports import Ports
from devstack.services import Service, project_folder
from devstack.stack import Stack
from tests.faults import invariants, mechanisms
from tests.faults.invariants import require
from tests.faults.load import PATIENCE, Load

CHILD = Path(__file__).with_name("child.py")
# Far more than any wait of the workers; seconds.
HEALING = 90


class System:
    """Args:
    folder: for the stack's data and logs.
    off: the name of a mechanism that is off for as long as this system runs.
    stack: the class of its stack.
    """

    def __init__(self, folder, off=None, stack=Stack):
        self.stack = stack(folder, Ports.free(), durable=False)
        self.off = off
        self._without = mechanisms.parts_of(off) if off else ()
        self.foreign = set()
        """(partition, offset) of messages that a row wrote itself."""
        self.load = None
        self._stopped = []
        self._marks = (folder / f"mark-{number}" for number in count(1))
        for part in self._without:
            if part == "stack":
                getattr(mechanisms, off)(self.stack)
            elif hasattr(self.stack, part):
                setattr(self.stack, part, self._variant(getattr(self.stack, part)))

    def __enter__(self):
        self.stack.__enter__()
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
            program = [str(CHILD), json.dumps({"failpoint": None, "off": [self.off]}), *program]
        done = subprocess.run(
            [sys.executable, *program],
            cwd=project_folder(project),
            env=self.stack.environment_of(project) | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        require(
            code in (done.returncode, None),
            f"manage.py {' '.join(arguments)}: {done.returncode}, {done.stderr}{done.stdout}",
        )
        return done.stdout + done.stderr

    def wait(self, condition, what, timeout=HEALING):
        """For what the row is about."""
        timeout *= PATIENCE
        require(processes.wait_until(condition, timeout), f"not within {timeout:g} s: {what}")

    def reach(self, condition, what):
        """For what a row builds on. A row that does not come so far shows nothing: no `Broken`."""
        timeout = HEALING * PATIENCE
        assert processes.wait_until(condition, timeout), f"not within {timeout:g} s: {what}"

    # What a row does.

    def restart(self, name, *, failpoint=None, arguments=(), environment=None, without=None):
        """Ends a service and starts it in another way, until the end of the row.

        Args:
            name: ``users``, ``notes``, ``relay`` or ``consumer``.
            failpoint: (action, when, target, call), see `tests.faults.child`.
            arguments: more of them for its program.
            environment: variables that differ.
            without: a mechanism that it has not, as in a bad release.

        Returns:
            The file that is there once the process came to the failpoint.
        """
        part, mark = getattr(self.stack, name), next(self._marks)
        if failpoint:
            failpoint = [*failpoint, str(mark)]
        variant = self._variant(part, failpoint, arguments, environment, without=without)
        part.stop()
        part.process.end_session()
        variant.start()
        variant.wait_ready()
        self._replaced.setdefault(name, part)
        setattr(self.stack, name, variant)
        return mark

    def put_back(self, name):
        """Ends what `restart` started; the part is then as before, and not started."""
        variant = getattr(self.stack, name)
        variant.stop()
        if variant.process:
            variant.process.end_session()
        setattr(self.stack, name, self._replaced.pop(name))

    def another(self, name, failpoint=None, environment=None):
        """Starts a second relay or consumer beside the first, until the end of the row."""
        part = getattr(self.stack, name)
        part = self._variant(part, failpoint, environment=environment, name=f"{name}-2")
        part.start()
        self._more.append(part)
        return part

    def wait_for_death(self, name, mark):
        """Until a process has killed itself at its failpoint, and nothing else ended it."""
        part = getattr(self.stack, name)
        self.reach(lambda: not part.running, f"{name} comes to its failpoint")
        assert mark.exists(), part.how_it_ended(lines=True)
        self._ended.add(name)

    def kill(self, name, number=signal.SIGKILL):
        """Ends a part by a signal; the end of the row starts it again."""
        part = getattr(self.stack, name)
        self._ended.add(name)
        if number == signal.SIGKILL:
            part.kill()
        else:
            os.kill(part.process.pid, number)
            part.process.wait(30)

    def ends_by_itself(self, name):
        """Waits for a part to end because of the fault; the end of the row starts it again."""
        self._ended.add(name)
        self.wait(lambda: not getattr(self.stack, name).running, f"{name} ends")

    def freeze(self, part):
        """SIGSTOP for all processes of a part; the end of the row wakes them."""
        for pid in _family(part.process.pid):
            os.kill(pid, signal.SIGSTOP)
            self._stopped.append(pid)

    def wait_for_log(self, name, text):
        """Until a part writes the text, from now on; it must go on running."""
        part, log = getattr(self.stack, name), self.stack.folder / "logs" / f"{name}.log"
        start = log.stat().st_size

        def written():
            return text in log.read_bytes()[start:].decode(errors="replace")

        self.wait(lambda: written() or not part.running, f"{name} writes {text!r}")
        require(written(), f"I6: {name} ended")

    def register(self, connection=None):
        """A user by plain SQL; gives the id."""
        statement = (
            "INSERT INTO users (email, username, password)"
            " VALUES (gen_random_uuid() || '@mailbox.example', gen_random_uuid(), '!') RETURNING id"
        )
        rows = connection.execute(statement).fetchall() if connection else self.users_sql(statement)
        return rows[0][0]

    def rename(self, user_id, times=1):
        """So many new versions of a user, all in one transaction."""
        statement = f"UPDATE users SET username = gen_random_uuid() WHERE id = '{user_id}';"
        self.users_sql(statement * times)

    def wait_for_shadow(self, user_id, version=1):
        query = "SELECT 1 FROM users WHERE id = %s AND version >= %s"
        self.wait(lambda: self.notes_sql(query, [user_id, version]), "I6: the event arrives")

    def wait_for_changes(self, count):
        """Until so many more changes were committed in users_db."""
        query = "SELECT count(*) FROM faults.changes"
        ((before,),) = self.users_sql(query)
        self.reach(lambda: self.users_sql(query)[0][0] >= before + count, f"{count} more changes")

    def go_on(self):
        """SIGCONT for all that was frozen."""
        while self._stopped:
            try:
                os.kill(self._stopped.pop(), signal.SIGCONT)
            except ProcessLookupError:
                continue

    def readiness(self, project, timeout=10):
        """The status of a web service's answer by way of the gateway; None where none comes."""
        try:
            return call("GET", f"{self.stack.gateway_url}/readyz/{project}", timeout=timeout)[0]
        except OSError:
            return None

    def wait_until_applied(self, timeout=HEALING):
        """Until all that is committed by now is in notes_db, with the load going on."""
        wanted = dict(self.users_sql("SELECT id, version FROM users"))

        def applied():
            found = dict(
                self.notes_sql(
                    "SELECT id, version FROM users UNION ALL SELECT id, version FROM deleted_users"
                )
            )
            return all(found.get(user, 0) >= version for user, version in wanted.items())

        self.wait(applied, "I6: what was committed is applied", timeout)

    def wait_until_red(self, project):
        """Until the gateway says that a web service is not ready."""
        self.wait(lambda: self.readiness(project) != 200, f"I6: {project} is red")

    def require_answers(self, load, since):
        """Until every kind of change was answered since then; each with ok."""
        self.wait(lambda: load.answered(since) or load.refused(since), "all answers")
        refused = load.refused(since)
        require(not refused, "the API does not answer with 2xx", *refused)

    # Around each row.

    @contextmanager
    def under_load(self, rng, people=2, *, sampled=True):
        """A stream of changes around a fault; then everything heals, and I1 to I8 hold.

        Gives the `Load`, once every kind of change was answered with ok.

        Args:
            sampled: look at I5 all the time, not only in the end.
        """
        self._replaced, self._more, self._ended, self._loads = {}, [], set(), []
        self.count_from(invariants.positions(self.notes_sql))
        sampler = Sampler(self)
        if sampled:
            sampler.start()
        try:
            self.reach(self.start_load(rng, people).answered, "answers before the fault")
            yield self.load
            self.heal()
            healed = time.monotonic()
            self.wait(lambda: self.load.answered(healed), "I6: the API answers again")
        finally:
            self.go_on()
            for load in self._loads:
                load.stop()
            sampler.stop()
        sampler.require_nothing_seen()
        self.wait(self.no_lag, "I6: the outbox is empty, and the lag 0")
        self.check(self._loads, self._before, self._newest)

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

    def heal(self):
        """Ends what the row did to the processes, and starts again those that ended."""
        self.go_on()
        for part in self._more:
            part.stop()
        self._require_running()
        for name in list(self._replaced):
            self.put_back(name)
        for part in self.stack.parts:
            part.start()
        for part in self.stack.parts:
            part.wait_ready()
        for project in ("users", "notes"):
            self.wait(lambda p=project: self.readiness(p) == 200, f"I6: {project} is ready")

    def _require_running(self):
        """Nothing but the row itself ended anything."""
        for part in self.stack.parts:
            killed = part.name in self._ended
            if not part.running and not killed:
                raise invariants.Broken(f"I6: {part.how_it_ended(lines=True)}")

    def check(self, loads, before, newest):
        """I1 to I8, with nothing on its way any more.

        Args:
            before: the stored positions before the row.
            newest: the id of the newest row of the event log before the row.
        """
        for load in loads:
            invariants.every_answer_holds(load.accounts, self.users_sql, self.notes_sql)
        invariants.shadows_equal_users(self.users_sql, self.notes_sql)
        events = invariants.read_topic(self.stack.kafka.bootstrap_servers, self.foreign)
        invariants.messages_are_changes(events, self.users_sql)
        invariants.newest_is_last(events)
        invariants.deleted_stay_away(self.notes_sql)
        invariants.committed_is_applied(self.onlooker, self.notes_sql)
        # What a replay did with a dead letter counts in its place.
        query = (
            'SELECT partition, "offset", outcome FROM event_log WHERE id > %s'
            " AND NOT (outcome = 'dead' AND (topic, partition, \"offset\") IN"
            ' (SELECT topic, partition, "offset" FROM dead_letters'
            " WHERE resolution = 'replayed'))"
        )
        invariants.each_message_is_recorded_once(
            before, invariants.positions(self.notes_sql), self.notes_sql(query, [newest])
        )
        self._read_all_again()
        invariants.no_violation_was_seen(self.notes_sql)

    def _read_all_again(self):
        """I4: by the consumer itself, which then goes on."""
        query = f"SELECT {invariants.FACTS} FROM users ORDER BY id"
        buried = "SELECT id, version FROM deleted_users ORDER BY id"
        before = self.notes_sql(query), self.notes_sql(buried)
        self.stack.consumer.stop()
        self.manage("notes", "consume_user_events", "--from-beginning", "--until-caught-up")
        after = self.notes_sql(query), self.notes_sql(buried)
        self.stack.consumer.start()
        require(before == after, "I4: reading the whole topic again changed something")

    def no_lag(self):
        if self.users_sql("SELECT count(*) FROM outbox") != [(0,)]:
            return False
        stored = invariants.positions(self.notes_sql)
        try:
            ends = invariants.end_offsets(self.onlooker)
        except KafkaException:
            return False
        return all(stored.get(number, 0) == end for number, end in ends.items())

    def _variant(
        self, part, failpoint=None, arguments=(), environment=None, name=None, without=None
    ):
        off = [self.off] if part.name in self._without else []
        off += [without] if without else []
        program = part.arguments[2:] if part.arguments[0] == str(CHILD) else part.arguments
        spec = json.dumps({"failpoint": failpoint, "off": off})
        return Service(
            name or part.name,
            part.project,
            *part.ports,
            children=self.stack.children,
            arguments=[str(CHILD), spec, *program, *arguments],
            environment=lambda project: part.environment(project) | (environment or {}),
        )


class Sampler(threading.Thread):
    """Looks at I5 all the time, as far as Kafka and notes_db answer."""

    def __init__(self, system):
        super().__init__()
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
            except invariants.Broken as error:
                self._broken = error
        onlooker.close()

    def stop(self):
        self._end.set()
        if self.ident:
            self.join()

    def require_nothing_seen(self):
        if self._broken:
            raise self._broken


def _run(database, statement, parameters):
    # A statement that its server does not answer would hold up the row for ever.
    with psycopg.connect(database.url, autocommit=True, connect_timeout=2) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def _family(pid):
    """A process and all that it started, directly or not; each before those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]
