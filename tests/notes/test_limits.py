"""How many requests a user may make; the same module is in users_project."""

import re
from uuid import uuid4

import pytest

from config import limits

NOTES = "/api/v1/notes/"


@pytest.fixture
def minute(monkeypatch):
    """Sets the clock, to the beginning of a minute that no other test has."""
    now = [limits.WINDOW * 1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def test_what_is_counted():
    ada, bob = uuid4(), uuid4()
    assert [limits.count(ada, limits.READS, at) for at in (0, 30, 59)] == [1, 2, 3]
    assert limits.count(ada, limits.WRITES, 59) == 1
    assert limits.count(bob, limits.READS, 59) == 1
    assert limits.count(ada, limits.READS, 60) == 1


def test_of_two_users_of_one_slot_the_later_has_it():
    ada = uuid4()
    other = type(ada)(int=(ada.int + (1 << 64)) % (1 << 128))
    assert ada.int % limits._SLOTS == other.int % limits._SLOTS
    counted = [limits.count(user, limits.READS, 0) for user in (ada, ada, other, ada)]
    assert counted == [1, 2, 1, 1]


@pytest.mark.django_db
def test_too_many(settings, minute, api, bobs_api):
    settings.READS_PER_MINUTE, settings.WRITES_PER_MINUTE = 2, 1
    first = api.get(NOTES)
    assert first["RateLimit-Policy"] == '"reads";q=2;w=60'
    assert first["RateLimit"] == '"reads";r=1;t=60'
    minute[0] += 20
    assert api.get(NOTES)["RateLimit"] == '"reads";r=0;t=40'
    refused = api.get(NOTES)
    assert (refused.status_code, refused["Retry-After"]) == (429, "40")
    assert refused["RateLimit"] == '"reads";r=0;t=40'
    assert refused["Content-Type"] == "application/problem+json"
    assert re.fullmatch(r"Request was throttled.*", refused.json()["detail"])
    # Writes have a quota of their own, and others theirs.
    assert api.post(NOTES, {"title": "First"}).status_code == 201
    written = api.post(NOTES, {"title": "Second"})
    assert (written.status_code, written["RateLimit-Policy"]) == (429, '"writes";q=1;w=60')
    assert bobs_api.get(NOTES).status_code == 200
    minute[0] += 40
    listed = api.get(NOTES)
    assert [note["title"] for note in listed.json()["results"]] == ["First"]
