import os

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, check_password, make_password

from accounts.hashers import NICENESS


@pytest.fixture
def hashing(settings, monkeypatch):
    """The niceness of the thread of each hash."""
    found = []
    encode = BCryptSHA256PasswordHasher.encode

    def noting(*arguments):
        found.append(os.nice(0))
        return encode(*arguments)

    monkeypatch.setattr(BCryptSHA256PasswordHasher, "rounds", 4)
    monkeypatch.setattr(BCryptSHA256PasswordHasher, "encode", noting)
    settings.PASSWORD_HASHERS = ["accounts.hashers.GivingWayHasher"]
    return found


def test_hashes_give_way_and_who_waits_for_them_does_not(hashing):
    before = os.nice(0)
    assert check_password("secret", make_password("secret"))
    assert hashing == [min(before + NICENESS, 19)] * 2
    assert os.nice(0) == before


def test_the_hashes_are_django_s(hashing, settings):
    hashed = make_password("secret")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"]
    assert check_password("secret", hashed)
    assert not check_password("Secret", hashed)
