"""Exports and imports through the gateway: large ones, and ones that break."""

import json
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from tests.system import raw
from tests.system.client import Api
from tests.system.problems import assert_problem

EXPORT, IMPORT = "/api/v1/notes/export/", "/api/v1/notes/import/"
# 100 MB in 5,000 notes; what the search has of them does not matter here.
FILL = """
BEGIN;
ALTER TABLE notes DISABLE TRIGGER notes_index_new_text;
INSERT INTO notes (user_id, title, content)
SELECT '{}', 'note ' || n, text
FROM generate_series(1, 5000) AS n, LATERAL (
    SELECT string_agg(md5(n || ' ' || k), '') FROM generate_series(1, 640) AS k
) AS words (text);
ALTER TABLE notes ENABLE TRIGGER notes_index_new_text;
COMMIT
"""
END_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def client(stack):
    with Api(stack.gateway_url) as api, api.sign_in() as client:
        yield client


def export(client, **options):
    return requests.get(
        f"{client.url}{EXPORT}?format=jsonl",
        headers={"Authorization": client.headers["Authorization"]},
        stream=True,
        timeout=60,
        **options,
    )


def test_more_than_other_bodies_may_have_goes_in_and_out(client):
    notes = [{"title": f"{n}", "content": f"{n} " + "word " * 200_000} for n in range(14)]
    lines = [{"format": "notes-jsonl", "version": 1}, *notes, {"end": True, "notes": len(notes)}]
    upload = "\n".join(map(json.dumps, lines)).encode()
    assert len(upload) > 13_000_000
    answer = client.post(IMPORT, files={"file": ("notes.jsonl", upload)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["created"] == len(notes)
    answer = client.post(IMPORT, data=upload)
    assert answer.json()["unchanged"] == len(notes)
    with export(client) as answer:
        _, *out, end = map(json.loads, answer.iter_lines())
    assert end == {"end": True, "notes": len(notes)}
    assert sorted((n["title"], n["content"]) for n in out) == sorted(
        (n["title"], n["content"]) for n in notes
    )


def test_a_body_above_the_limit_is_refused(stack):
    line = f"POST {IMPORT} HTTP/1.1"
    answer = raw.send(stack.gateway.port, raw.request(line, "Content-Length: 600000000"))
    assert "512 MB" in assert_problem(answer, 413, IMPORT)["detail"]


@pytest.mark.parametrize("path", [IMPORT, "/api/v1/notes/", "/api/v1/users/me/password/"])
def test_who_is_refused_before_a_body_is_read_is_told_why(stack, path):
    def send(number):
        with Api(stack.gateway_url) as api:
            return api.post(path, data=b"x" * 1_000_000)

    # Several at once: an answer and the end of its connection then come as one.
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(send, range(100)):
            assert_problem(answer, 401, path)


def test_a_large_upload_whose_service_is_away_is_a_problem(stack):
    stack.notes.stop()
    with Api(stack.gateway_url) as api:
        answer = api.post(IMPORT, data=b"x" * 13_000_000)
    stack.notes.start()
    stack.notes.wait_ready()
    assert_problem(answer, 502, IMPORT)


def test_an_export_that_fails_is_a_cut_transfer(client, stack, notes_sql):
    notes_sql(FILL.format(client.user.id))
    with export(client) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_content(16384)
        came = [next(pieces)]
        with psycopg.connect(stack.notes_db.superuser_url, autocommit=True) as superuser:
            superuser.execute(END_CONNECTIONS)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            came.extend(pieces)
    assert b'"end"' not in b"".join(came)
    # The next one is well.
    with export(client) as answer:
        *_, end = answer.iter_lines()
    assert json.loads(end) == {"end": True, "notes": 5000}
