"""The tutorial and the how-to do what they say, step by step, on a running stack."""

import re
import shlex
import sqlite3
from contextlib import closing

import psycopg
import pytest

from tests.devstack.checkout import REPOSITORY

DOCS = REPOSITORY / "docs"
FENCE = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
THIRD_SERVICE = FENCE.findall((DOCS / "how-to" / "third-service.md").read_text())
TUTORIAL = FENCE.findall((DOCS / "tutorial.md").read_text())
# What is shown may take its time to come.
UNTIL = """
for try in {{1..300}}; do
  shown=$({show}) || true
  [ "$shown" != {expected} ] || break
  sleep 0.2
done
[ "$shown" = {expected} ] || {{ echo "in the end it shows: $shown"; exit 1; }}
"""


def script(blocks, file=""):
    """Shell blocks one after the other, Python blocks as parts of a file.

    The last line of a shell block with a text block behind it is repeated until it shows that.
    """
    for i, (kind, body) in enumerate(blocks):
        following = blocks[i + 1] if i + 1 < len(blocks) else ("", "")
        if kind == "python":
            yield f"cat >>{file} <<'END-OF-BLOCK'\n{body}\n\nEND-OF-BLOCK\n"
        elif kind == "sh" and following[0] == "text":
            *before, show = body.splitlines()
            yield "\n".join(before)
            yield UNTIL.format(show=show, expected=shlex.quote(following[1].rstrip("\n")))
        elif kind == "sh":
            yield body


def test_the_tutorial(running):
    running.bash("\n".join(script(TUTORIAL)))


@pytest.fixture
def directory(running):
    """The third service's database, at the end of its page."""
    running.bash("\n".join(script(THIRD_SERVICE, "directory/follow.py")))
    with closing(sqlite3.connect(running.folder / "directory" / "users.db")) as database:
        yield database


def test_a_third_service_follows_users(running, directory):
    with psycopg.connect(running.settings()["USERS_DATABASE_URL"]) as users_db:
        users = users_db.execute("SELECT id::text, version, username FROM users").fetchall()
    followed = directory.execute("SELECT * FROM users WHERE username IS NOT NULL").fetchall()
    assert sorted(followed) == sorted(users)


def test_a_third_service_is_short():
    code = [body for kind, body in THIRD_SERVICE if kind == "python"]
    assert sum(len(body.splitlines()) for body in code) < 100
