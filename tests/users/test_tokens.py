"""Signing in, renewing, signing out."""

import hashlib
from datetime import timedelta
from unittest import mock

import jwt
import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import sessions
from accounts.keys import key_folder
from accounts.models import RefreshToken, Session, User
from tests.threads import at_once, in_thread, wait_until_blocked
from tests.users.conftest import PASSWORD, json_client

TOKEN, REFRESH, LOGOUT = (
    "/api/v1/auth/token/",
    "/api/v1/auth/token/refresh/",
    "/api/v1/auth/logout/",
)


def claims_of(access):
    key = key_folder().current()
    return jwt.decode(
        access, key.public, ["ES256"], issuer="users", audience="notes-platform"
    ), jwt.get_unverified_header(access)


def later(**ages):
    """Lets the time pass for every session and token."""
    age = timedelta(**ages)
    Session.objects.update(
        created_at=F("created_at") - age,
        last_used_at=F("last_used_at") - age,
        expires_at=F("expires_at") - age,
    )
    RefreshToken.objects.update(created_at=F("created_at") - age, used_at=F("used_at") - age)


@pytest.fixture
def refresh(anonymous):
    return lambda token: anonymous.post(REFRESH, {"refresh": token})


def test_signing_in(anonymous, ada):
    response = anonymous.post(
        TOKEN, {"username": "ada", "password": PASSWORD}, headers={"user-agent": "x" * 300}
    )
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    body = response.json()
    assert list(body) == ["access", "refresh", "token_type", "expires_in"]
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    session = Session.objects.get()
    assert session.user_agent == "x" * 255
    claims, header = claims_of(body["access"])
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": key_folder().current().kid}
    moment = ada.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert claims == {
        "iss": "users",
        "aud": "notes-platform",
        "sub": str(ada.id),
        "sid": str(session.id),
        "iat": mock.ANY,
        "exp": claims["iat"] + 300,
        "uv": 1,
        "username": "ada",
        "created_at": moment,
        "tokens_valid_after": moment,
    }
    # 256 bits at least, of which the database has only the hash.
    assert len(body["refresh"]) >= 43
    kept = bytes(RefreshToken.objects.get().token_hash)
    assert kept == hashlib.sha256(body["refresh"].encode()).digest()


def test_the_token_carries_what_the_event_carries(tokens, ada):
    from outbox.models import OutboxEvent

    User.objects.filter(pk=ada.pk).update(created_at="2026-01-02T03:04:05Z", username="countess")
    ada.refresh_from_db()
    claims, _ = claims_of(tokens(ada)["access"])
    data = OutboxEvent.objects.last().payload["data"]
    assert data["created_at"] == "2026-01-02T03:04:05.000000Z"
    assert (claims["sub"], claims["uv"]) == (data["id"], data["version"])
    for name in ("username", "created_at", "tokens_valid_after"):
        assert claims[name] == data[name]


def test_only_staff_is_called_staff(tokens, staff):
    assert claims_of(tokens(staff)["access"])[0]["staff"] is True


@pytest.mark.parametrize(
    "name",
    [
        {"username": "ADA"},
        {"email": "Ada@Example.COM"},
        {"username": "ada@example.com"},
        {"username": "\uff41da"},
    ],
)
def test_any_name_in_any_letter_case(anonymous, ada, name):
    assert anonymous.post(TOKEN, {**name, "password": PASSWORD}).status_code == 200


def test_a_username_that_is_somebody_elses_address(anonymous, ada, new_user):
    User.objects.create_user("ada@example.com", "eve@example.com", "another secret 1")
    body = {"username": "ada@example.com", "password": PASSWORD}
    access = anonymous.post(TOKEN, body).json()["access"]
    assert claims_of(access)[0]["sub"] == str(ada.id)
    assert anonymous.post(TOKEN, {**body, "password": "another secret 1"}).status_code == 401


FAILURES = {
    "unknown": {"username": "nobody", "password": PASSWORD},
    "unknown address": {"email": "nobody@example.com", "password": PASSWORD},
    "wrong": {"username": "ada", "password": "wrong"},
    "inactive": {"username": "idle", "password": PASSWORD},
    "no hash": {"username": "sql", "password": PASSWORD},
}


@pytest.mark.parametrize("body", FAILURES.values(), ids=FAILURES)
def test_every_failure_is_the_same_and_costs_one_hash(anonymous, ada, new_user, body):
    new_user("idle", is_active=False)
    User.objects.filter(pk=new_user("sql").pk).update(password="$2b$")
    with mock.patch.object(MD5PasswordHasher, "encode", autospec=True) as encode:
        encode.side_effect = lambda _, password, salt: f"md5${salt}${password}"
        response = anonymous.post(TOKEN, body)
    assert encode.call_count == 1
    assert response.status_code == 401
    assert (response["WWW-Authenticate"], response["Cache-Control"]) == ("Bearer", "no-store")
    problem = response.json()
    assert problem.pop("request_id")
    assert problem == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The name or the password is wrong.",
        "instance": TOKEN,
    }
    assert not Session.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"password": "x"},
        {"username": "a", "email": "b", "password": "x"},
        {"username": "a"},
        {"username": "a\0", "password": "x"},
        {"username": "a", "password": "x" * 1025},
        {"username": "a", "password": "x", "otp": "1"},
    ],
)
def test_malformed_credentials(anonymous, body):
    assert anonymous.post(TOKEN, body).status_code == 400


def test_an_old_token_or_cookie_does_not_stop_signing_in(anonymous, ada):
    anonymous.cookies["access_token"] = "old"
    response = anonymous.post(
        TOKEN, {"username": "ada", "password": PASSWORD}, headers={"authorization": "Bearer old"}
    )
    assert response.status_code == 200


def test_renewing_rotates(tokens, refresh, ada):
    first = tokens(ada)
    response = refresh(first["refresh"])
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    second = response.json()
    assert second["refresh"] != first["refresh"]
    assert claims_of(second["access"])[0]["sid"] == claims_of(first["access"])[0]["sid"]
    assert refresh(second["refresh"]).status_code == 200


def test_a_replay_ends_the_family(tokens, refresh, ada):
    first, other = tokens(ada)["refresh"], tokens(ada)["refresh"]
    second = refresh(first).json()["refresh"]
    later(seconds=11)
    assert refresh(first).status_code == 401
    assert refresh(second).status_code == 401
    assert refresh(other).status_code == 200


def test_a_lost_answer_is_covered_for_seconds(tokens, refresh, ada):
    first = tokens(ada)["refresh"]
    lost = refresh(first).json()["refresh"]
    later(seconds=9)
    second = refresh(first).json()["refresh"]
    later(seconds=11)
    # The answer was not lost after all: two use the family, and it ends.
    assert refresh(second).status_code == 200
    later(seconds=11)
    assert refresh(lost).status_code == 401
    assert not Session.objects.live().exists()


@pytest.mark.parametrize("kept", [0, 1])
def test_of_two_tabs_at_once_either_token_goes_on(tokens, refresh, ada, kept):
    """They share what they keep, and the answer that comes last stays there."""
    token = tokens(ada)["refresh"]
    for _ in range(3):
        answers = [refresh(token).json(), refresh(token).json()]
        later(seconds=11)
        for answer in answers:
            assert json_client(answer["access"]).get("/api/v1/users/me/").status_code == 200
        token = answers[kept]["refresh"]
    assert refresh(token).status_code == 200


def test_a_slow_tab_gets_a_token_of_the_newest_place(tokens, refresh, ada):
    first = tokens(ada)["refresh"]
    second = refresh(first).json()["refresh"]
    refresh(second)
    slow = refresh(first).json()["refresh"]
    later(seconds=11)
    assert refresh(slow).status_code == 200


@pytest.mark.parametrize("thief_first", [True, False])
def test_a_copy_used_within_the_grace_ends_the_family_at_the_next_turn(
    tokens, refresh, ada, thief_first
):
    first = tokens(ada)["refresh"]
    turns = [refresh(first).json()["refresh"] for _ in range(2)]
    later(minutes=5)
    owner, thief = turns[::-1] if thief_first else turns
    assert refresh(thief if thief_first else owner).status_code == 200
    later(minutes=5)
    assert refresh(owner if thief_first else thief).status_code == 401
    assert not Session.objects.live().exists()


@pytest.mark.parametrize("token", ["unknown", "x" * 255])
@pytest.mark.django_db
def test_an_unknown_token(refresh, token):
    response = refresh(token)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x" * 256, "a\0", None, 1.5, ["x"]])
def test_a_malformed_token(refresh, token):
    assert refresh(token).status_code in {400, 401}


def test_the_lifetime_slides_up_to_its_cap(tokens, refresh, ada):
    token = tokens(ada)["refresh"]
    for _ in range(6):
        later(days=13)
        token = refresh(token).json()["refresh"]
    session = Session.objects.get()
    assert session.expires_at - session.created_at == timedelta(days=90)
    later(days=13)
    assert refresh(token).status_code == 401


def test_idle_for_too_long(tokens, refresh, ada):
    token = tokens(ada)["refresh"]
    later(days=14)
    assert refresh(token).status_code == 401


def test_deactivated(tokens, refresh, ada):
    token = tokens(ada)["refresh"]
    User.objects.update(is_active=False)
    assert refresh(token).status_code == 401


def test_the_next_sign_in_prunes(tokens, refresh, ada, new_user):
    tokens(ada)
    tokens(new_user("bob"))
    later(days=14)
    kept = tokens(ada)["refresh"]
    refresh(kept)
    Session.objects.filter(user=ada).update(expires_at=timezone.now() + timedelta(days=60))
    later(days=15)
    tokens(ada)
    assert RefreshToken.objects.filter(session__user=ada).count() == 1
    assert Session.objects.filter(user=ada).count() == 2
    assert Session.objects.filter(user__username="bob").count() == 1


def test_signing_out(anonymous, tokens, refresh, ada):
    first = tokens(ada)["refresh"]
    second = refresh(first).json()["refresh"]
    for token in (first, first, second, "unknown"):
        response = anonymous.post(LOGOUT, {"refresh": token})
        assert (response.status_code, response.content) == (204, b"")
    assert refresh(second).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_renewing_at_once_keeps_one_family_with_one_place(tokens, refresh, ada):
    for _ in range(5):
        token = tokens(ada)["refresh"]
        for _ in range(2):
            responses = at_once(lambda _, token=token: refresh(token), 4)
            assert {response.status_code for response in responses} == {200}
            assert RefreshToken.objects.filter(used_at=None).count() == 4
            token = responses[-1].json()["refresh"]
        assert Session.objects.live().count() == 1
        Session.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_two_tokens_of_a_family_at_once_do_not_lock_each_other(tokens, refresh, ada):
    first = tokens(ada)["refresh"]
    for _ in range(5):
        pair = [refresh(first).json()["refresh"], refresh(first).json()["refresh"]]
        responses = at_once(lambda number, pair=pair: refresh(pair[number]), 2)
        assert [response.status_code for response in responses] == [200, 200]
        first = responses[0].json()["refresh"]


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_that_a_new_password_overtakes_is_refused(ada):
    with transaction.atomic():
        User.objects.filter(pk=ada.pk).update(password="another")
        started = in_thread(lambda: sessions.start(ada, ""))
        wait_until_blocked()
    assert started.result(10) is None
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_new_password_ends_the_sign_in_that_it_waits_for(ada):
    with transaction.atomic():
        sessions.start(ada, "")
        changed = in_thread(lambda: User.objects.filter(pk=ada.pk).update(password="another"))
        wait_until_blocked()
    changed.result(10)
    assert not Session.objects.live().exists()


def assert_try_again(response):
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Content-Type"] == "application/problem+json"
    assert ".pem" not in response.content.decode()


def test_without_a_signing_key_the_answer_is_try_again_and_nothing_is_used_up(
    anonymous, signed_in, ada, settings, tmp_path
):
    folder = settings.USERS_SIGNING_KEYS_DIR
    credentials = {"username": ada.username, "password": PASSWORD}
    refresh = {"refresh": anonymous.post(TOKEN, credentials).json()["refresh"]}
    client, before = signed_in(ada), Session.objects.count()
    settings.USERS_SIGNING_KEYS_DIR = tmp_path
    for _ in range(2):
        assert_try_again(anonymous.post(REFRESH, refresh))
        assert_try_again(anonymous.post(TOKEN, credentials))
    assert_try_again(client.get("/api/v1/users/me/"))
    assert_try_again(anonymous.get("/.well-known/jwks.json"))
    page = anonymous.get("/login/", headers={"accept": "text/html"})
    assert page.status_code == 503
    assert Session.objects.count() == before
    settings.USERS_SIGNING_KEYS_DIR = folder
    assert anonymous.post(REFRESH, refresh).status_code == 200
