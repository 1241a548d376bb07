"""Which access tokens are accepted, from a header and from the browser's cookie."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test import Client

from accounts import keys
from accounts.models import Session, User
from accounts.tokens import rfc3339
from outbox.models import OutboxEvent
from tests.users.conftest import PASSWORD, json_client

ME = "/api/v1/users/me/"


def assert_refused(response):
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"


@pytest.fixture
def forge(tokens, ada):
    """Signs the claims of a good token again, with changes; None leaves a claim out."""
    access = tokens(ada)["access"]
    good = jwt.decode(access, options={"verify_signature": False})

    def forge(key=None, headers=None, algorithm="ES256", **changes):
        claims = {k: v for k, v in {**good, **changes}.items() if v is not None}
        current = keys.key_folder().current()
        headers = {"typ": "at+jwt", "kid": current.kid, **(headers or {})}
        return jwt.encode(claims, key or current.private, algorithm=algorithm, headers=headers)

    return forge


def test_a_good_token(forge, log):
    user = User.objects.get()
    assert json_client(forge()).get(ME).json()["id"] == str(user.id)
    assert json.loads(log.getvalue().splitlines()[-1])["user_id"] == str(user.id)


def test_the_scheme_in_any_letter_case(forge):
    client = json_client()
    client.credentials(HTTP_AUTHORIZATION=f"bearer  {forge()}")
    assert client.get(ME).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"aud": ["notes-platform", "other"]},
        {"exp": 1},
        {"exp": "soon"},
        {"iat": 99999999999},
        {"iss": None},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sid": None},
        {"tokens_valid_after": None},
        {"sub": "6f9619ff-8b86-4011-b42d-00c04fc964ff"},
        {"headers": {"kid": "unknown"}},
        {"headers": {"kid": ""}},
        {"headers": {"typ": "JWT"}},
        {"headers": {"typ": None}},
    ],
)
def test_bad_claims(forge, changes):
    assert_refused(json_client(forge(**changes)).get(ME))


def test_expired_beyond_the_leeway(forge):
    now = int(time.time())
    assert json_client(forge(exp=now - 5)).get(ME).status_code == 200
    assert_refused(json_client(forge(exp=now - 15)).get(ME))


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "é", "a b", "..", "null", "x" * 10_000, "e30.e30.e30"]
)
@pytest.mark.django_db
def test_garbage(token):
    assert_refused(json_client(token).get(ME))


@pytest.mark.django_db
def test_no_token(anonymous):
    assert_refused(anonymous.get(ME))


def test_a_key_of_somebody_else(forge):
    other = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(other.public_key()))
    assert_refused(json_client(forge(key=other)).get(ME))
    for header in ({"jwk": public}, {"jku": "http://127.0.0.1:1/"}, {"x5u": "http://127.0.0.1:1/"}):
        assert_refused(json_client(forge(key=other, headers=header)).get(ME))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_other_algorithms(forge, algorithm):
    """No signature at all, and the public key taken for the secret of an HMAC."""
    current = keys.key_folder().current()
    pem = current.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = unpadded(json.dumps({"alg": algorithm, "typ": "at+jwt", "kid": current.kid}).encode())
    signed = f"{header}.{forge().split('.')[1]}"
    mac = hmac.digest(pem, signed.encode(), hashlib.sha256) if algorithm == "HS256" else b""
    assert_refused(json_client(f"{signed}.{unpadded(mac)}").get(ME))


def unpadded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_command(user):
    """As ``manage.py changepassword`` does it."""
    user.set_password("battery staple 7")
    user.save()


def by_sql(user):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET password = '!' WHERE id = %s", [user.pk])


CHANGES = {
    "password by command": by_command,
    "password by SQL": by_sql,
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "staff": lambda user: User.objects.filter(pk=user.pk).update(is_staff=True),
    "superuser": lambda user: User.objects.filter(pk=user.pk).update(is_superuser=True),
    "signed out": lambda user: User.objects.filter(pk=user.pk).sign_out(),
    "deleted": User.delete,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_happens_to_the_user_counts_at_once(api, ada, new_user, tokens, change):
    tokens(new_user("bob"))
    assert api.get(ME).status_code == 200
    change(ada)
    assert_refused(api.get(ME))
    assert Session.objects.live().get().user.username == "bob"
    # Back to what it was: what is refused once stays refused.
    User.objects.filter(pk=ada.pk).update(is_active=True, password=ada.password)
    assert_refused(api.get(ME))


def test_one_event_tells_a_new_password(ada):
    OutboxEvent.objects.all().delete()
    by_command(ada)
    ada.refresh_from_db()
    told = OutboxEvent.objects.get().payload["data"]["tokens_valid_after"]
    assert told == rfc3339(ada.tokens_valid_after)


def test_a_row_read_before_does_not_bring_back_what_was_refused(ada, api):
    stale = User.objects.get(pk=ada.pk)
    User.objects.filter(pk=ada.pk).sign_out()
    stale.username = "countess"
    stale.save()
    assert_refused(api.get(ME))


@pytest.fixture
def better_hasher(settings, ada):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]


def test_a_better_hash_of_the_same_password_signs_nobody_out(api, ada, better_hasher, tokens):
    tokens(ada)
    assert User.objects.get().password.startswith("scrypt$")
    assert api.get(ME).status_code == 200
    assert Session.objects.live().count() == 2
    # Of the transaction, that hash alone is let pass.
    by_sql(ada)
    assert_refused(api.get(ME))


def test_a_better_hash_does_not_undo_a_new_password(ada, better_hasher):
    stale = User.objects.get()
    by_command(ada)
    assert stale.check_password(PASSWORD)
    assert User.objects.get().check_password("battery staple 7")


def test_signing_in_again_works_at_once(tokens, ada):
    for _ in range(3):
        User.objects.filter(pk=ada.pk).sign_out()
        assert json_client(tokens(ada)["access"]).get(ME).status_code == 200


def test_rotated_keys(forge, settings, tmp_path):
    settings.USERS_SIGNING_KEYS_DIR = tmp_path / "keys"
    keys.rotate(tmp_path / "keys")
    token = forge()
    keys.rotate(tmp_path / "keys")
    assert forge() != token
    assert json_client(token).get(ME).status_code == 200
    keys.rotate(tmp_path / "keys")
    assert_refused(json_client(token).get(ME))


@pytest.fixture
def cookie(tokens, ada):
    client = Client(enforce_csrf_checks=True, headers={"accept": "application/json"})
    client.cookies["access_token"] = tokens(ada)["access"]
    return client


def test_the_cookie_reads(cookie, ada):
    assert cookie.get(ME).json()["id"] == str(ada.id)


def test_the_cookie_changes_nothing_without_a_csrf_token(cookie):
    response = cookie.patch(ME, {"username": "eve"}, content_type="application/json")
    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    cookie.cookies["users_csrf"] = "a" * 32
    response = cookie.patch(
        ME, {"username": "eve"}, content_type="application/json", headers={"x-csrftoken": "a" * 32}
    )
    assert response.status_code == 200


def test_the_header_goes_before_the_cookie(cookie, signed_in, new_user, tokens):
    bob = tokens(new_user("bob"))["access"]
    assert cookie.get(ME, headers={"authorization": f"Bearer {bob}"}).json()["username"] == "bob"
    assert_refused(cookie.get(ME, headers={"authorization": "Bearer old"}))


@pytest.mark.django_db
def test_an_old_cookie_is_nobody(anonymous):
    anonymous.cookies["access_token"] = "old"
    assert_refused(anonymous.get(ME))
    body = {"email": "a@example.com", "username": "a", "password": "correct horse 9"}
    assert anonymous.post("/api/v1/users/", body).status_code == 201
