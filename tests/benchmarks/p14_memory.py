"""P14: resident memory of the long-running processes after much work, beside that after a little.

Of one process each time, and of a new one in each round.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

import psycopg

from devstack.ports import free_ports
from devstack.processes import wait_until
from devstack.services import GUNICORN
from tests.benchmarks import topics
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, memory
from tests.benchmarks.servers import service
from tests.notes.issuer import Account, Issuer

CLIENTS = 4  # as many as a worker has threads
NOTES = 20


def run(run: Run) -> Iterator[Ratio]:
    events = run.size(10**4, 100), run.size(10**6, 500)
    requests = run.size(10**3, 20), run.size(10**5, 40)
    for what, measure, sizes in (
        ("the consumer after 10⁶ events ÷ after 10⁴", _consumer, events),
        ("a web worker after 10⁵ requests ÷ after 10³", _web_worker, requests),
    ):
        measured = in_turn(run.rounds, both=partial(measure, *sizes))
        rounds = [samples["both"] for samples in measured]
        yield Ratio("P14", what, "bytes", 1.1, True, rounds)


def _consumer(few: int, many: int) -> tuple[Sample, Sample]:
    topic = topics.create()
    messages = topics.user_events(min(100_000, many), many)
    arguments = ("notes", "manage.py", "consume_user_events")
    with (
        psycopg.connect(os.environ["NOTES_DATABASE_URL"], autocommit=True) as connection,
        service(
            *arguments, ready="consumer_started", KAFKA_TOPIC=topic, KAFKA_GROUP_ID=topic
        ) as process,
    ):
        connection.execute("TRUNCATE users, event_log CASCADE")
        used = []
        for count, more in ((few, few), (many, many - few)):
            topics.fill(topic, islice(messages, more))
            assert wait_until(partial(_has_applied, connection, topic, count), 1800, every=0.5)
            used.append(Sample(memory(process.pid)))
    return used[1], used[0]


def _has_applied(connection: psycopg.Connection, topic: str, count: int) -> bool:
    query = "SELECT sum(next_offset) FROM positions WHERE topic = %s"
    if connection.execute(query, [topic]).fetchone() != (count,):
        return False
    query = "SELECT count(*) FROM event_log WHERE topic = %s AND outcome <> 'dead'"
    assert connection.execute(query, [topic]).fetchone() == (count,)
    return True


def _web_worker(few: int, many: int) -> tuple[Sample, Sample]:
    port, issuer = free_ports(), Issuer()
    now = int(time.time())
    headers = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {issuer.token(Account(id=uuid.uuid4()), exp=now + 86_400)}",
    }
    with (
        issuer.serving(),
        service(
            "notes",
            *GUNICORN,
            ready="Booting worker",
            NOTES_BIND=f"127.0.0.1:{port}",
            WEB_WORKERS="1",
            NOTES_JWKS_URL=issuer.url,
        ) as process,
    ):
        for number in range(NOTES):
            _ask(HTTPConnection("127.0.0.1", port), headers, {"title": f"Note {number}"})
        worker = int(
            Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        )
        used = []
        for more in (few, many - few):
            _read_list(port, headers, more)
            used.append(Sample(memory(worker)))
    return used[1], used[0]


def _read_list(port: int, headers: dict[str, str], count: int) -> None:
    """Asks for the notes so many times, over a few connections, and compares each answer."""

    def read(times: int) -> set[bytes]:
        connection = HTTPConnection("127.0.0.1", port)
        answers = {_ask(connection, headers) for _ in range(times)}
        connection.close()
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        (answer,) = set.union(*pool.map(read, [count // CLIENTS] * CLIENTS))
    titles = {note["title"] for note in json.loads(answer)["results"]}
    assert titles == {f"Note {number}" for number in range(NOTES)}


def _ask(
    connection: HTTPConnection, headers: dict[str, str], note: dict[str, str] | None = None
) -> bytes:
    method = "POST" if note else "GET"
    connection.request(method, "/api/v1/notes/", note and json.dumps(note), headers)
    response = connection.getresponse()
    body = response.read()
    assert response.status == (201 if note else 200), body
    return body
