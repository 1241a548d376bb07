"""Access tokens and the keys that they are signed with."""

import base64
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.notes.test_authentication import assert_refused, get
from users.keys import key_cache

pytestmark = pytest.mark.django_db
TYPE = {"typ": "at+jwt"}


def test_a_key_that_users_project_does_not_have_is_refused(issuer, ada):
    payload = jwt.decode(issuer.token(ada), options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    for headers in (
        {"kid": "first"},
        {"kid": "other"},
        {"kid": "first", "jwk": jwk},
        {"kid": "other", "jwk": jwk, "jku": issuer.url, "x5u": issuer.url},
    ):
        assert_refused(get(jwt.encode(payload, key, "ES256", headers=headers | TYPE)))
    assert issuer.fetches == 1


def hs256(payload, secret, headers):
    """By hand: PyJWT does not sign with a public key."""
    parts = [{"alg": "HS256", **headers}, payload]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")
    return f"{text.decode()}.{signature.decode()}"


def test_no_other_algorithm_is_taken(issuer, ada):
    payload = jwt.decode(issuer.token(ada), options={"verify_signature": False})
    public = issuer.keys["first"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    headers = {"kid": "first", **TYPE}
    rsa_key = rsa.generate_private_key(65537, 2048)
    assert_refused(get(jwt.encode(payload, None, "none", headers=headers)))
    assert_refused(get(hs256(payload, pem, headers)))
    assert_refused(get(jwt.encode(payload, rsa_key, "RS256", headers=headers)))


def test_a_token_for_something_else_is_refused(issuer, ada):
    for kind in ("JWT", "logout+jwt", None):
        assert_refused(get(issuer.token(ada, headers={"typ": kind})))
    assert get(issuer.token(ada)).status_code == 200


def test_a_key_id_that_is_no_text_is_refused(issuer, ada):
    _, body, signature = issuer.token(ada).split(".")
    for kid in (5, None, ["first"], {"a": 1}):
        raw = json.dumps({"alg": "ES256", "kid": kid, **TYPE}).encode()
        forged = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        assert_refused(get(f"{forged}.{body}.{signature}"))


def test_without_any_key_it_is_a_503_that_says_when_to_try_again(issuer, ada):
    issuer.status = 500
    response = get(issuer.token(ada))
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"] == "Access tokens cannot be verified at the moment."


def test_users_project_down_later_changes_nothing(issuer, ada):
    token = issuer.token(ada)
    assert get(token).status_code == 200
    issuer.status = 500
    assert get(token).status_code == 200
    assert get(issuer.token(ada, kid="unknown")).status_code == 401


def test_the_key_file_stands_in_for_a_users_project_never_reached(issuer, ada, settings, tmp_path):
    settings.NOTES_JWKS_FILE = str(tmp_path / "jwks.json")
    (tmp_path / "jwks.json").write_text(issuer.jwks())
    settings.NOTES_JWKS_URL = "http://127.0.0.1:1/"
    key_cache.cache_clear()
    assert get(issuer.token(ada)).status_code == 200
