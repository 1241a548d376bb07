"""An export that is taken too slowly ends, and its place is free again."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from itertools import cycle

import pytest
import requests
from django.db import connection

from devstack.ports import free_ports
from devstack.processes import wait_until
from devstack.services import GUNICORN, project_folder, with_role
from notes.models import Note
from tests.notes.transfer.moving import EXPORT
from transfer.pace import GRACE, LEAST, TooSlow, at_pace

WSGI = "from transfer import pace\npace.GRACE = 0.3\nfrom config.wsgi import application\n"


def taken(pieces, seconds):
    """How many of the pieces are sent to who waits so many seconds before each."""
    now = cycle([0, seconds])
    sent = 0
    try:
        for _ in at_pace(pieces, None, lambda: next(now)):
            sent += 1
    except TooSlow:
        pass
    return sent


@pytest.mark.parametrize(
    ("pieces", "seconds", "sent"),
    [
        ([b"x" * LEAST] * 300, 1, 300),
        ([b"x" * LEAST] * 300, 1.5, GRACE * 2),
        ([b"x" * LEAST * 4] * 300, 3.9, 300),
        ([b"x"] * 300, 0, 300),
        ([b"x"] * 300, 1, GRACE + 1),
        ([b"", b"x" * LEAST * 100, b"y"], 80, 1),
        ([b"x" * LEAST * 100, b"y", b"z"], 81, 2),
    ],
)
def test_a_minute_and_a_second_for_each_256_kb(pieces, seconds, sent):
    assert taken(pieces, seconds) == sent


@contextmanager
def web_server(tmp_path, issuer):
    """gunicorn as it runs the project, with little patience; gives its address."""
    (tmp_path / "impatient.py").write_text(WSGI)
    port = free_ports()
    database = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(
        **connection.settings_dict
    )
    environment = os.environ | {
        "NOTES_BIND": f"127.0.0.1:{port}",
        "NOTES_DATABASE_URL": database,
        "NOTES_JWKS_URL": issuer.url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "WEB_WORKERS": "1",
    }
    command = [sys.executable, *GUNICORN[:-1], "--pythonpath", str(tmp_path), "impatient"]
    environment = with_role(environment, "notes", "notes_web")
    process = subprocess.Popen(command, cwd=project_folder("notes"), env=environment)
    try:
        assert wait_until(lambda: _listens(port), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _listens(port):
    with socket.socket() as connected:
        return connected.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.django_db(transaction=True)
def test_who_takes_nothing_has_no_place_for_long(tmp_path, issuer, ada, user):
    # More than lies between the web server and somebody who does not read.
    Note.objects.bulk_create(Note(user=user, content="x" * 1_000_000) for _ in range(20))
    headers = {"Authorization": f"Bearer {issuer.token(ada)}", "Host": "testserver"}
    with web_server(tmp_path, issuer) as url:

        def ask():
            return requests.get(url + EXPORT, headers=headers, stream=True, timeout=30)

        def again():
            with ask() as answer:
                assert answer.status_code in (200, 429)
                return answer.status_code == 200

        with ask() as unread:
            assert unread.status_code == 200
            assert wait_until(again, 30)
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                assert unread.content
