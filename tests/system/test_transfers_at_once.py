"""Exports and imports that run at once, which never take all threads of the web server."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import psycopg
import pytest
import requests

from tests.system.client import Api
from tests.system.problems import assert_problem
from tests.system.test_moving import EXPORT, IMPORT

NOTES = "/api/v1/notes/"
LINES = {"format": "jsonl"}
# Two processes with four threads each, of which two may export or import.
THREADS, PLACES = 8, 4
# More than lies between the web server and somebody who does not read.
FILL = """
INSERT INTO notes (user_id, title, content)
SELECT id, 'large', repeat('x', 1000000) FROM unnest(%s::uuid[]) AS id, generate_series(1, 20)
"""
WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
UPLOAD = '{"format":"notes-jsonl","version":1}\n{"title":"new"}\n{"end":true,"notes":1}\n'


@pytest.fixture(scope="module")
def people(stack, notes_sql):
    """More than the web server has threads, each with an export that takes its time."""
    with Api(stack.gateway_url) as api:
        people = [api.sign_in() for _ in range(THREADS + 2)]
    for one in people:
        assert one.get(NOTES).status_code == 200
    notes_sql(FILL, [[one.user.id for one in people]])
    return people


@pytest.fixture
def ask(stack):
    """Asks the web server itself: the gateway takes all of an export at once."""

    def ask(path, one):
        url = f"http://localhost:{stack.ports.notes}{path}"
        headers = {"Authorization": one.headers["Authorization"]}
        return requests.get(url, headers=headers, stream=True, timeout=10)

    return ask


def require_room(ask, people):
    """Everything else is answered: were all threads of one process taken, some would wait."""
    for one in people * 2:
        with ask(NOTES, one) as answer:
            assert answer.status_code == 200


def test_exports_that_nobody_reads(ask, people, wait_until):
    with ExitStack() as stack:
        answers = [stack.enter_context(ask(EXPORT, one)) for one in people]
        begun = [answer for answer in answers if answer.status_code == 200]
        assert PLACES / 2 <= len(begun) <= PLACES
        for answer in answers:
            if answer not in begun:
                assert (answer.status_code, answer.json()["status"]) == (503, 503)
                assert int(answer.headers["Retry-After"]) > 0
        require_room(ask, people)
    wait_until(lambda: all(_ends(ask(EXPORT, one)) for one in people))


def test_one_of_a_user_at_a_time(ask, people, wait_until):
    one, other, *_ = people
    with ask(EXPORT, one) as answer:
        assert answer.status_code == 200
        for again in (one.get(EXPORT, params=LINES), one.post(IMPORT, data=UPLOAD)):
            assert "yours" in assert_problem(again, 429)["detail"]
            assert int(again.headers["Retry-After"]) > 0
        assert other.post(IMPORT, data=UPLOAD, params={"dry_run": "true"}).status_code == 200
    wait_until(lambda: one.post(IMPORT, data=UPLOAD).status_code == 200)


def test_imports_that_wait(stack, ask, people, wait_until, notes_sql):
    upload = UPLOAD.replace('"new"', f'"newer","content":"{"x" * 1_000_000}"')
    with ThreadPoolExecutor(len(people)) as pool, psycopg.connect(stack.notes_db.url) as held:
        # Whoever writes a note of a user waits for that row.
        held.execute("SELECT FROM users FOR UPDATE")
        imports = [pool.submit(partial(one.post, IMPORT, data=upload)) for one in people]

        def running():
            return [each for each in imports if not each.done()]

        wait_until(lambda: len(running()) <= PLACES and notes_sql(WAITING) == [(len(running()),)])
        require_room(ask, people)
        held.rollback()
        answers = [each.result() for each in imports]
    taken = [answer for answer in answers if answer.status_code == 200]
    assert PLACES / 2 <= len(taken) <= PLACES
    for answer in answers:
        if answer in taken:
            assert answer.json()["created"] == 1
        else:
            assert_problem(answer, 503, IMPORT)


def _ends(answer):
    with answer:
        return answer.status_code == 200 and answer.content.endswith(b'"notes":20}\n')
