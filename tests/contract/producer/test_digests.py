"""users_project's digests are those of the contract. Runs with the settings of users_project."""

import pytest

from accounts.models import User
from outbox.digests import bucket_digests, user_digests
from tests.contract import digests
from tests.contract.digests import ADA, CHANGES, FIRST, USERS

pytestmark = pytest.mark.django_db


def store(user):
    return User.objects.create(email=f"{user['id']}@example.com", **user)


@pytest.mark.parametrize(("user", "digest"), USERS)
def test_a_users_digest(user, digest):
    store(user)
    expected = (user["id"], user["version"], digest)
    assert user_digests([(user["id"], user["id"])]) == [expected]
    assert digests.digest(user) == digest


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_each_fact_is_in_it(change):
    user = ADA | change
    store(user)
    ((_, _, digest),) = user_digests([(user["id"], user["id"])])
    assert digest == digests.digest(user)
    assert digest != digests.digest(ADA)


def test_a_buckets_digest():
    users = [ADA, ADA | CHANGES[0] | {"username": "bob"}, FIRST]
    for user in users:
        store(user)
    ada, bob, first = map(digests.digest, users)
    assert sorted(bucket_digests()) == [(0, 1, first), (0x7E26, 2, ada ^ bob)]
