import time
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from django.db import OperationalError, connection
from rest_framework.test import APIClient

from tests.notes.issuer import START
from users import gate, keys, tokens
from users.keys import key_cache
from users.models import DeletedUser, User

NOTES = "/api/v1/notes/"
pytestmark = pytest.mark.django_db


def get(token, path=NOTES, **headers):
    client = APIClient(raise_request_exception=False)
    return client.get(path, headers={"authorization": f"Bearer {token}", **headers})


def store(account, **fields):
    state = gate.UserState(
        id=account.id,
        version=account.version,
        username=account.username,
        is_active=True,
        tokens_valid_after=account.tokens_valid_after,
        created_at=account.created_at,
    )
    gate.apply_states([state._replace(**fields)])


def assert_refused(response, detail=None):
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == 'Bearer realm="notes"'
    if detail:
        assert response.json()["detail"] == detail


def test_the_first_request_stores_the_shadow_user_from_the_token(issuer, ada):
    assert get(issuer.token(ada)).status_code == 200
    user = User.objects.get()
    assert (user.id, user.username, user.version) == (ada.id, "ada", 1)
    assert user.created_at == user.tokens_valid_after == START
    assert user.is_active


def test_a_newer_token_updates_the_shadow_user_and_an_older_one_does_not(issuer, ada):
    get(issuer.token(ada))
    get(issuer.token(replace(ada, username="ada2", version=3)))
    get(issuer.token(replace(ada, username="ada1", version=2)))
    user = User.objects.get()
    assert (user.username, user.version) == ("ada2", 3)


def test_a_known_user_costs_one_query(issuer, ada, django_assert_num_queries):
    get(issuer.token(ada))
    with django_assert_num_queries(2):
        assert get(issuer.token(ada)).status_code == 200


def test_a_deleted_user_stays_deleted(issuer, ada):
    get(issuer.token(ada))
    gate.delete_users({ada.id: 2})
    assert_refused(get(issuer.token(ada)))
    assert_refused(get(issuer.token(replace(ada, version=9))))
    assert not User.objects.exists()
    assert DeletedUser.objects.get().version == 2


def test_an_inactive_user_is_refused(issuer, ada):
    store(ada, version=2, is_active=False)
    assert_refused(get(issuer.token(ada)))


def test_a_token_from_before_the_revocation_is_refused_to_the_microsecond(issuer, ada):
    store(ada, version=2, tokens_valid_after=START + timedelta(microseconds=1))
    assert_refused(get(issuer.token(ada)), "The access token has been revoked.")
    later = replace(ada, version=2, tokens_valid_after=START + timedelta(microseconds=1))
    assert get(issuer.token(later)).status_code == 200


def test_the_clock_does_not_revoke(issuer, ada):
    """Times far ahead of this machine's: only users_project's own times are compared."""
    ahead = replace(ada, tokens_valid_after=START + timedelta(days=4000))
    assert get(issuer.token(ahead)).status_code == 200


def test_no_token_is_a_401(issuer):
    assert_refused(APIClient().get(NOTES), "Authentication credentials were not provided.")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_scheme_is_read_in_any_letter_case(issuer, ada, scheme):
    client = APIClient(headers={"authorization": f"{scheme} {issuer.token(ada)}"})
    assert client.get(NOTES).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é.é.é", "..", "e30.e30.", "\x00", "a" * 7000, "a b", "ÿ"]
)
def test_what_is_no_token_is_refused(issuer, token):
    assert_refused(get(token))


@pytest.mark.parametrize("claim", ["iss", "aud", "iat", "exp", "sub"])
def test_a_registered_claim_that_is_missing_is_refused(issuer, ada, claim):
    assert_refused(get(issuer.token(ada, without=(claim,))), "The access token is not valid.")


@pytest.mark.parametrize("claim", ["uv", "username", "created_at", "tokens_valid_after"])
def test_a_fact_of_the_user_that_is_missing_is_refused(issuer, ada, claim):
    token = issuer.token(ada, without=(claim,))
    assert_refused(get(token), "The access token's claims cannot be read.")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "others"},
        {"aud": "others"},
        {"aud": ["notes-platform", "others"]},
        {"iat": int(time.time()) + 3600},
        {"iat": "now"},
        {"exp": "never"},
        {"exp": 1e400},
        {"sub": "ada"},
        {"sub": ""},
        {"uv": 0},
        {"uv": -1},
        {"uv": True},
        {"uv": 1.5},
        {"uv": "1"},
        {"uv": 2**53},
        {"username": ""},
        {"username": "a" * 101},
        {"username": 5},
        {"created_at": "2026-11-22T09:15:02"},
        {"created_at": "yesterday"},
        {"created_at": 5},
        {"tokens_valid_after": None},
    ],
)
def test_a_claim_that_is_wrong_is_refused(issuer, ada, claims):
    assert_refused(get(issuer.token(ada, **claims)))
    assert not User.objects.exists()


def test_an_expired_token_is_refused_after_the_leeway(issuer, ada):
    assert get(issuer.token(ada, exp=int(time.time()) - 5)).status_code == 200
    response = get(issuer.token(ada, exp=int(time.time()) - 11))
    assert_refused(response, "The access token has expired.")


class TestRemembered:
    """A token that was verified before."""

    @pytest.fixture
    def decoded(self, monkeypatch):
        """The tokens whose signature was verified, in turn."""
        tokens_seen, decode = [], jwt.decode

        def spy(token, *args, **kwargs):
            tokens_seen.append(token)
            return decode(token, *args, **kwargs)

        monkeypatch.setattr(jwt, "decode", spy)
        return tokens_seen

    def test_its_signature_is_verified_once(self, issuer, ada, decoded):
        token = issuer.token(ada)
        assert get(token).status_code == get(token).status_code == 200
        assert decoded == [token]

    def test_no_other_token_passes_for_it(self, issuer, ada, bob):
        first, second = issuer.token(ada), issuer.token(bob)
        assert get(first).status_code == 200
        forged = f"{second.rpartition('.')[0]}.{first.rpartition('.')[2]}"
        for token in (first + "a", first[:-1], forged):
            assert_refused(get(token), "The access token is not valid.")

    def test_it_expires(self, issuer, ada, monkeypatch):
        token = issuer.token(ada)
        assert get(token).status_code == 200
        now = time.time() + 300 + tokens.LEEWAY
        monkeypatch.setattr(tokens, "time", lambda: now - 2)
        assert get(token).status_code == 200
        monkeypatch.setattr(tokens, "time", lambda: now + 1)
        assert_refused(get(token), "The access token has expired.")

    def test_it_is_verified_again_when_the_keys_were_fetched(self, issuer, ada, monkeypatch):
        token = issuer.token(ada)
        assert get(token).status_code == 200
        clock = time.monotonic() + keys.LIFETIME + 1
        monkeypatch.setattr(key_cache(), "_clock", lambda: clock)
        monkeypatch.setattr(issuer, "keys", {})
        issuer.add_key("second")
        assert_refused(get(token), "The access token is not valid.")

    def test_it_is_revoked(self, issuer, ada):
        token = issuer.token(ada)
        assert get(token).status_code == 200
        store(replace(ada, version=2), tokens_valid_after=START + timedelta(microseconds=1))
        assert_refused(get(token), "The access token has been revoked.")

    def test_what_is_no_token_is_not_remembered_and_the_rest_has_a_bound(self, issuer, ada):
        tokens._verify.cache_clear()
        for number in range(3):
            assert_refused(get(f"no token {number}"))
            assert_refused(get(issuer.token(ada, kid="unknown")))
        assert tokens._verify.cache_info().currsize == 0
        assert tokens._verify.cache_info().maxsize == tokens.REMEMBERED


def test_log_lines_name_the_user_and_hold_no_token(issuer, ada, log):
    token = issuer.token(ada)
    get(token, f"{NOTES}?tag=secret-tag")
    get(token[:-3] + "abc", NOTES)
    lines = log.getvalue()
    assert f'"user_id": "{ada.id}"' in lines
    assert token[:20] not in lines
    assert "secret-tag" not in lines


def test_a_dead_database_is_a_503(issuer, ada, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("connection to server at 10.1.2.3 failed")

    monkeypatch.setattr(connection, "cursor", fail)
    response = get(issuer.token(ada))
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Content-Type"] == "application/problem+json"
    assert "10.1.2.3" not in response.content.decode()
