"""Staff in front of the admin of both projects."""

import json
import secrets

import pytest

from devstack import admin
from tests.system.browser.admin.steps import NOTES, REMARKS, XSS
from tests.system.client import User


@pytest.fixture
def manager(stack):
    return User(admin.USERNAME, password=admin.password_file(stack.folder).read_text().strip())


@pytest.fixture
def page(window, sign_in, manager):
    with window() as page:
        sign_in(page, manager, NOTES)
        yield page
        page.faults[:] = [fault for fault in page.faults if not fault.startswith(REMARKS)]


@pytest.fixture
def client(api):
    """Somebody with notes."""
    return api.sign_in()


@pytest.fixture
def letter(notes_sql):
    """One that nobody can read."""
    ((key,),) = notes_sql(
        'INSERT INTO dead_letters (topic, partition, "offset", key, value, headers, reason)'
        " VALUES ('user-events', 0, %s, %s, %s, %s, %s) RETURNING id",
        [secrets.randbits(60), XSS.encode(), XSS.encode(), json.dumps([[XSS, None]]), XSS],
    )
    yield key
    notes_sql("DELETE FROM dead_letters WHERE id = %s", [key])
