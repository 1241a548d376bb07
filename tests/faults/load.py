"""A steady stream of changes whose answers are recorded, so that what they promised can be checked.

Every account is changed by one thread, one change after the other, and left alone after a change of
which nobody knows whether it happened: it may happen later than the next one.
"""

import os
import random
import threading
import time
from collections import Counter, namedtuple

import psycopg
import requests

# How much longer everything may take, on a machine that does other work.
PATIENCE = float(os.environ.get("FAULT_PATIENCE", "1"))
# How long one answer is waited for, and how long a stream may last; seconds.
ANSWER, LONGEST = 5 * PATIENCE, 280 * PATIENCE

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
Answer = namedtuple("Answer", "asked outcome status at")
"""``asked`` is what for, ``at`` when, by time.monotonic()."""


class Account:
    """``usernames`` are those that it may have in the end; None among them: it may be gone."""

    def __init__(self, email):
        self.email = email
        self.usernames = {None}
        self.notes = {}  # title: outcome
        self.settled = True

    def changed(self, outcome, username):
        if outcome == OK:
            self.usernames = {username}
        elif outcome == UNKNOWN:
            self.usernames = {*self.usernames, username}
            self.settled = False
        return outcome == OK


class Load:
    """Args:
    gateway: its URL.
    database: the URL of users_db, for changes by plain SQL.
    rng: decides everything.
    people: threads that use the API.
    """

    def __init__(self, gateway, database, rng, people=2):
        self.accounts = []
        self._by_sql = []
        self.answers = []
        self._gateway, self._database = gateway, database
        self._stop = threading.Event()
        self._deadline = time.monotonic() + LONGEST
        self._prefix = f"u{rng.getrandbits(40):x}"
        self._numbers = iter(range(10**9))
        self._threads = [
            threading.Thread(target=self._repeat, args=(work, random.Random(rng.random())))
            for work in [self._person] * people + [self._sql]
        ]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def answered(self, since=0.0):
        """Whether each kind of request, but for deletions, was made since then, and got an ok."""
        kinds = {
            answer.asked for answer in self.answers if answer.outcome == OK and answer.at > since
        }
        return kinds >= {"register", "sign in", "rename", "note", "sql"}

    def refused(self, since, kinds=("register", "sign in", "rename", "note", "delete")):
        """The answers that were not ok, of what was asked since then."""
        return [a for a in self.answers if a.at > since and a.outcome != OK and a.asked in kinds]

    def statuses(self, since, *kinds):
        """HTTP statuses, or names of errors, for what was asked since then; all kinds or some."""
        return {a.status for a in self.answers if a.at > since and (not kinds or a.asked in kinds)}

    def summary(self):
        counts = Counter((answer.asked, answer.outcome) for answer in self.answers)
        return ", ".join(f"{count} {kind} {how}" for (kind, how), count in sorted(counts.items()))

    def _repeat(self, work, rng):
        while not self._stop.is_set() and time.monotonic() < self._deadline:
            work(rng)
            self._stop.wait(rng.uniform(0.02, 0.1))

    def _name(self):
        return f"{self._prefix}-{next(self._numbers)}"

    def _account(self):
        account = Account(f"{self._name()}@mailbox.example")
        self.accounts.append(account)
        return account

    def _person(self, rng):
        """Registers, signs in, writes notes, takes other names, and sometimes goes."""
        account, username, password = self._account(), self._name(), f"Kestrel-{rng.random()}"
        with requests.Session() as http:
            http.trust_env = False
            registration = {"username": username, "email": account.email, "password": password}
            outcome, _ = self._ask(http, "register", "POST", "/users/", registration)
            if not account.changed(outcome, username):
                return
            credentials = {"email": account.email, "password": password}
            outcome, tokens = self._ask(http, "sign in", "POST", "/auth/token/", credentials)
            if outcome != OK:
                return
            http.headers["Authorization"] = f"Bearer {tokens['access']}"
            for number in range(rng.randint(2, 8)):
                if self._stop.wait(rng.uniform(0.02, 0.1)) or not account.settled:
                    return
                if number == 0 or (number > 1 and rng.random() < 0.6):
                    title = self._name()
                    account.notes[title], _ = self._ask(
                        http, "note", "POST", "/notes/", {"title": title, "tags": ["load"]}
                    )
                else:
                    name = {"username": self._name()}
                    outcome, _ = self._ask(http, "rename", "PATCH", "/users/me/", name)
                    account.changed(outcome, name["username"])
            if account.settled and rng.random() < 0.5:
                self._go(http, rng, account, password)

    def _go(self, http, rng, account, password):
        """Deletes the account, and uses its token after that: it is good until notes_db knows."""
        proof = {"password": password}
        outcome, _ = self._ask(http, "delete", "DELETE", "/users/me/", proof)
        if account.changed(outcome, None):
            self._stop.wait(rng.uniform(0, 0.5))
            title = self._name()
            body = {"title": title, "tags": ["too late"]}
            account.notes[title], _ = self._ask(http, "late note", "POST", "/notes/", body)

    def _ask(self, http, asked, method, path, body):
        """The outcome and the decoded answer."""
        status, answer, outcome, at = None, None, UNKNOWN, time.monotonic()
        try:
            response = http.request(
                method, f"{self._gateway}/api/v1{path}", json=body, timeout=ANSWER
            )
            status = response.status_code
            # A 5xx may come from the gateway, or after a COMMIT of which nobody knows.
            outcome = OK if status < 300 else FAILED if status < 500 else UNKNOWN
            answer = response.json() if response.content else None
        except (requests.RequestException, ValueError) as error:
            status = type(error).__name__
        self.answers.append(Answer(asked, outcome, status, at))
        return outcome, answer

    def _sql(self, rng):
        """Changes by plain SQL over one connection, as long as that works."""
        try:
            connection = psycopg.connect(self._database, autocommit=True, connect_timeout=2)
        except psycopg.OperationalError:
            return
        with connection:
            while not self._stop.is_set() and self._change(connection, rng):
                self._stop.wait(rng.uniform(0.03, 0.1))

    def _change(self, connection, rng):
        """One statement for a few accounts; False where the connection is of no more use."""
        mine = [a for a in self._by_sql[-200:] if a.settled and a.usernames != {None}]
        choice = rng.random()
        if choice < 0.4 or len(mine) < 5:
            chosen = [self._account() for _ in range(rng.randint(1, 5))]
            names = [self._name() for _ in chosen]
            self._by_sql += chosen
            statement = (
                "INSERT INTO users (email, username, password)"
                " SELECT n.*, '!' FROM unnest(%s::text[], %s::text[]) n (email, username)"
            )
        elif choice < 0.9:
            chosen = rng.sample(mine, rng.randint(1, 5))
            names = [self._name() for _ in chosen]
            statement = (
                "UPDATE users SET username = n.username"
                " FROM unnest(%s::text[], %s::text[]) n (email, username)"
                " WHERE users.email = n.email"
            )
        else:
            chosen = rng.sample(mine, 1)
            names = [None]
            statement = (
                "DELETE FROM users USING unnest(%s::text[], %s::text[]) n (email, username)"
                " WHERE users.email = n.email"
            )
        at = time.monotonic()
        try:
            connection.execute(statement, [[a.email for a in chosen], names])
            outcome, status = OK, None
        except psycopg.Error as error:
            outcome, status = UNKNOWN, type(error).__name__
        for account, name in zip(chosen, names, strict=True):
            account.changed(outcome, name)
        self.answers.append(Answer("sql", outcome, status, at))
        return outcome == OK
