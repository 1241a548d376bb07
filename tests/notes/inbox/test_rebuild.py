"""The shadow users are compared with the whole topic and repaired from it."""

import uuid

import pytest
from django.db import connection

from inbox import rebuild
from tests.notes.inbox.events import apply_batch, created, deleted, raw, updated
from users.models import DeletedUser, User

pytestmark = pytest.mark.django_db


def load(*messages):
    """As from the topic, in batches of two."""
    batches = [list(messages[n : n + 2]) for n in range(0, len(messages), 2)]
    return rebuild.load(batches, progress=lambda _: None)


@pytest.fixture
def people():
    return [uuid.uuid4() for _ in range(5)]


@pytest.fixture
def topic(people):
    ada, bob, cyd, dan, eve = people
    return [
        created(ada),
        created(bob),
        created(cyd),
        created(dan),
        updated(bob, 2, username="robert"),
        updated(bob, 1, username="bob"),
        deleted(dan, 2),
        created(eve),
    ]


def counts():
    return rebuild.compare().counts


def repair():
    return rebuild.repair(progress=lambda _: None)


CLEAN = {"missing": 0, "stale": 0, "undeleted": 0, "ghosts": 0}


def test_equal_sides_have_no_differences(topic):
    apply_batch(topic)
    assert load(*topic, raw(b"{")) == 1
    assert counts() == CLEAN
    assert repair() == 0


def test_every_difference_is_counted_named_and_repaired(topic, people):
    ada, bob, cyd, dan, eve = people
    apply_batch(topic)
    apply_batch([deleted(eve, 2)])  # Newer here than in the topic as it was read.
    before = set(User.objects.values_list("id", "username", "version"))
    User.objects.filter(id=ada).delete()
    User.objects.filter(id=bob).update(version=1, username="bob")
    User.objects.filter(id=cyd).update(username="changed by hand")
    DeletedUser.objects.filter(id=dan).delete()
    User.objects.create(id=dan, username="back", version=1)
    ghost = User.objects.create(username="ghost")

    load(*topic)
    assert counts() == {"missing": 1, "stale": 2, "undeleted": 1, "ghosts": 1}
    comparison = rebuild.compare()
    assert comparison.samples["missing"] == [ada]
    assert set(comparison.samples["stale"]) == {bob, cyd}
    assert comparison.samples["undeleted"] == [dan]
    assert comparison.repairable == 4

    assert repair() == 4
    assert counts() == CLEAN | {"ghosts": 1}
    ghost.delete()
    assert set(User.objects.values_list("id", "username", "version")) == before
    assert DeletedUser.objects.filter(id=dan).exists()


def test_a_newer_row_here_stays(people):
    ada = people[0]
    apply_batch([updated(ada, 5, username="newest")])
    load(created(ada))
    assert counts() == CLEAN
    assert repair() == 0
    assert User.objects.get().username == "newest"


def test_a_repair_goes_through_in_batches(people, monkeypatch):
    monkeypatch.setattr(rebuild, "REPAIR_BATCH", 2)
    load(*(created(person) for person in people))
    seen = []
    assert rebuild.repair(seen.append) == 5
    assert seen == [2, 4, 5]
    assert set(User.objects.values_list("id", flat=True)) == set(people)


@pytest.fixture(autouse=True)
def _no_table_left():
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS topic_users")
