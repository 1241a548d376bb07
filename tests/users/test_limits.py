"""How many requests a user may make; `tests/notes/test_limits.py` has more of the same module."""

from accounts.models import User
from config import limits

ME = "/api/v1/users/me/"


def test_too_many(settings, monkeypatch, api, signed_in, new_user):
    # One minute for all of it.
    monkeypatch.setattr(limits.time, "monotonic", lambda: limits.WINDOW * 1000.0)
    settings.READS_PER_MINUTE, settings.WRITES_PER_MINUTE = 2, 1
    *_, refused = answers = [api.get(ME) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (refused["Retry-After"], refused["RateLimit"]) == ("60", '"reads";r=0;t=60')
    assert refused["Content-Type"] == "application/problem+json"
    # Writes have a quota of their own, and others theirs.
    changes = [api.patch(ME, {"username": name}) for name in ("countess", "lovelace")]
    assert [answer.status_code for answer in changes] == [200, 429]
    assert User.objects.get().username == "countess"
    assert signed_in(new_user("bob")).get(ME).status_code == 200
