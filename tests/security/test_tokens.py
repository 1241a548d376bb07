"""Access tokens that users_project did not give: both services refuse them, and ask nobody."""

import base64
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.security.people import signing_key
from tests.system import raw
from tests.system.problems import assert_problem

SESSIONS, NOTES = "/api/v1/auth/sessions/", "/api/v1/notes/"
SERVICES = [SESSIONS, NOTES]
LEEWAY = 10  # seconds; users.tokens, accounts.tokens
COOLDOWN, WORKERS = 30, 2  # users.keys, gunicorn.conf.py


def unpadded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(content):
    """One of the three parts of a token."""
    return unpadded(content if isinstance(content, bytes) else json.dumps(content).encode())


class Forger:
    """Has a good token, and the key that signed it: what is refused is refused for one reason.

    Args:
        url: where the forger's own keys are.
    """

    def __init__(self, token, key, url):
        self.token, self.key, self.url = token, key, url
        self.header = jwt.get_unverified_header(token)
        self.claims = jwt.decode(token, options={"verify_signature": False})
        self.own_key = ec.generate_private_key(ec.SECP256R1())
        self.own_jwk = {
            **jwt.algorithms.ECAlgorithm.to_jwk(self.own_key.public_key(), as_dict=True),
            "kid": "forged",
            "alg": "ES256",
        }

    def sign(self, claims=(), header=(), key=None, algorithm="ES256"):
        """The good claims and header with changes; None leaves one out."""
        claims, header = (
            {name: value for name, value in {**old, **dict(new)}.items() if value is not None}
            for old, new in ((self.claims, claims), (self.header, header))
        )
        header.pop("alg")  # PyJWT would take it for the algorithm
        return jwt.encode(claims, key or self.key, algorithm, headers=header)

    def mac(self, secret, header=()):
        """HS256 with any secret: PyJWT takes no public key for one."""
        head = part({**self.header, "alg": "HS256", **dict(header)})
        signed = f"{head}.{part(self.claims)}"
        return f"{signed}.{unpadded(hmac.digest(secret, signed.encode(), 'sha256'))}"

    def unsigned(self, header, signature=b""):
        return f"{part(header)}.{part(self.claims)}.{unpadded(signature)}"

    def by_own_key(self, **header):
        return self.sign(header=header, key=self.own_key)

    def public(self, encoding, form=PublicFormat.SubjectPublicKeyInfo):
        return self.key.public_key().public_bytes(encoding, form)


def other_curve(curve, algorithm):
    return lambda forger: forger.sign(key=ec.generate_private_key(curve()), algorithm=algorithm)


def now(seconds):
    return int(time.time()) + seconds


ALGORITHMS = {
    **{
        f"none as {name}": lambda forger, name=name: forger.unsigned({**forger.header, "alg": name})
        for name in ("none", "None", "NONE", "nOnE", "")
    },
    "no alg": lambda forger: forger.unsigned(
        {name: value for name, value in forger.header.items() if name != "alg"}
    ),
    "none with the signature": lambda forger: (
        f"{part({**forger.header, 'alg': 'none'})}.{forger.token.partition('.')[2]}"
    ),
    "HS256 with the PEM": lambda forger: forger.mac(forger.public(Encoding.PEM)),
    "HS256 with the DER": lambda forger: forger.mac(forger.public(Encoding.DER)),
    "HS256 with the point": lambda forger: forger.mac(
        forger.public(Encoding.X962, PublicFormat.UncompressedPoint)
    ),
    "HS256 with the JWK": lambda forger: forger.mac(
        jwt.algorithms.ECAlgorithm.to_jwk(forger.key.public_key()).encode()
    ),
    "HS256 with nothing": lambda forger: forger.mac(b""),
    "P-384": other_curve(ec.SECP384R1, "ES384"),
    "P-521": other_curve(ec.SECP521R1, "ES512"),
    "secp256k1": other_curve(ec.SECP256K1, "ES256K"),
    "RSA": lambda forger: forger.sign(key=rsa.generate_private_key(65537, 2048), algorithm="RS256"),
    "ES256 by another key": lambda forger: forger.by_own_key(),
    "a signature of zeros": lambda forger: forger.unsigned(forger.header, bytes(64)),
    "a signature of ones": lambda forger: forger.unsigned(forger.header, b"\xff" * 64),
}
CLAIMS = {
    "another issuer": {"iss": "others"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "others"},
    "no audience": {"aud": None},
    "expired": {"exp": now(-LEEWAY - 1), "iat": now(-600)},
    "no end": {"exp": None},
    "an end that is no time": {"exp": "2126-01-01"},
    "not yet valid": {"nbf": now(3600)},
    "of the future": {"iat": now(3600), "exp": now(3900)},
    "nobody": {"sub": None},
}
# What the header names, signed with a key that the forger has there.
HEADERS = {
    "kid unknown": {"kid": "forged"},
    "kid empty": {"kid": ""},
    "kid a path": {"kid": "../../../../../../dev/null"},
    "kid a file of keys": {"kid": "current.pem"},
    "kid a URL": {"kid": "{url}"},
    "kid SQL": {"kid": "' UNION SELECT 'x' --"},
    "kid a command": {"kid": "|sleep 60"},
    "kid NUL": {"kid": "a\0b"},
    "kid a surrogate": {"kid": "\ud800"},
    "jku": {"jku": "{url}", "kid": "forged"},
    "jku of the good kid": {"jku": "{url}"},
    "x5u": {"x5u": "{url}", "kid": "forged"},
    "x5c": {"x5c": ["MIIB"], "kid": "forged"},
    "jwk": {"jwk": "{jwk}", "kid": "forged"},
    "jwk of the good kid": {"jwk": "{jwk}"},
}
FORMS = {
    "no signature": lambda one, _: one.rpartition(".")[0] + ".",
    "two parts": lambda one, _: one.rpartition(".")[0],
    "half a signature": lambda one, _: one[:-43],
    "one letter less": lambda one, _: one[:-2],
    "a letter more": lambda one, _: f"{one}AA",
    "no header": lambda one, _: "." + one.partition(".")[2],
    "twice": lambda one, _: f"{one}.{one}",
    "twice with a comma": lambda one, _: f"{one},{one}",
    "the claims of another": lambda one, two: glued(one, two, one),
    "the signature of another": lambda one, two: glued(one, one, two),
    "the rest of another": lambda one, two: glued(two, one, two),
    "a header twice": lambda one, _: f"{one.partition('.')[0]}.{one}",
    "a blank within": lambda one, _: one.replace(".", ". ", 1),
    "a header of brackets": lambda one, _: other_header(one, b"[" * 4000),
    "a header of objects": lambda one, _: other_header(one, b'{"a":' * 1000),
    "a header of digits": lambda one, _: other_header(one, b'{"kid":' + b"9" * 4500 + b"}"),
    "a header that is no text": lambda one, _: other_header(one, bytes(range(128, 256))),
    "7 kB": lambda *_: "A" * 7000,
    "7 kB of dots": lambda *_: "." * 7000,
}


def other_header(token, content):
    return f"{part(content)}.{token.partition('.')[2]}"


def glued(*tokens):
    """The header of the first, the claims of the second, the signature of the third."""
    return ".".join(token.split(".")[number] for number, token in enumerate(tokens))


class Keys(BaseHTTPRequestHandler):
    """The forger's own, at an address that a header can name."""

    def do_GET(self):
        self.server.asked.append(self.path)
        body = json.dumps({"keys": [self.server.jwk]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def key_server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield server
        server.shutdown()


@pytest.fixture
def forger(stack, api, key_server):
    token = api.sign_in().headers["Authorization"].partition(" ")[2]
    url = f"http://127.0.0.1:{key_server.server_port}/keys.json"
    forger = Forger(token, signing_key(stack), url)
    key_server.jwk = forger.own_jwk
    return forger


@pytest.fixture
def ask(api):
    """With a token in the header, and in the cookie."""

    def ask(path, token, place="header"):
        headers = {"Authorization": f"Bearer {token}"} if place == "header" else {}
        headers |= {"Cookie": f"access_token={token}"} if place == "cookie" else {}
        return api.get(path, headers=headers)

    return ask


def assert_refused(ask, path, token):
    for place in ("header", "cookie"):
        problem = assert_problem(ask(path, token, place), 401, path)
        # Nothing of why: which key, which part, whether there is such a user.
        assert problem["detail"] in {
            "The access token is not valid.",
            "The access token has expired.",
            "The access token has been revoked.",
            "The access token's claims cannot be read.",
            "Authentication credentials were not provided.",
        }


@pytest.mark.parametrize("path", SERVICES)
def test_what_the_forger_signs_without_changes_is_good(ask, forger, path):
    """So that the refusals below have the reason that they name."""
    for token in (forger.token, forger.sign()):
        for place in ("header", "cookie"):
            assert ask(path, token, place).status_code == 200


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_other_algorithm_or_key(ask, forger, path, name):
    assert_refused(ask, path, ALGORITHMS[name](forger))


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("name", CLAIMS)
def test_claims_that_are_not_for_here_and_now(ask, forger, path, name):
    assert_refused(ask, path, forger.sign(claims=CLAIMS[name]))


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("kind", ["JWT", "logout+jwt"])
def test_no_other_kind_of_token(ask, forger, path, kind):
    assert_refused(ask, path, forger.sign(header={"typ": kind}))


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("name", HEADERS)
def test_the_header_names_no_key(ask, forger, key_server, path, name):
    values = {"{url}": forger.url, "{jwk}": forger.own_jwk}
    header = {
        key: values.get(value, value) if isinstance(value, str) else value
        for key, value in HEADERS[name].items()
    }
    assert_refused(ask, path, forger.by_own_key(**header))
    # An empty file, and what a query that finds nothing gives, would be an empty secret.
    assert_refused(ask, path, forger.mac(b"", header))
    assert key_server.asked == []


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("name", FORMS)
def test_a_token_cut_and_glued(api, ask, forger, path, name):
    another = api.sign_in().headers["Authorization"].partition(" ")[2]
    assert_refused(ask, path, FORMS[name](forger.token, another))


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("name", ["Authorization: Bearer ", "Cookie: access_token="])
def test_a_token_of_100_kb(send, forger, path, name):
    for token in ("A" * 100_000, f"{forger.token}{'A' * 100_000}", "." * 100_000):
        assert_problem(send(f"GET {path} HTTP/1.1", f"{name}{token}"), 431)


def fetches(stack):
    """How often users_project was asked for its keys."""
    return (stack.folder / "logs" / "users.log").read_text().count("GET /.well-known/jwks.json")


def test_a_flood_of_unknown_kids(stack, api, forger, wait_until):
    """Each worker of the notes service asks for keys once in a cooldown, and goes on serving."""
    client = api.sign_in()
    good = client.headers["Authorization"]
    before, start = fetches(stack), time.monotonic()

    def flood(number):
        token = forger.by_own_key(kid=f"unknown {number}")
        if number % 5 == 0:
            return raw_status(stack, NOTES, good)
        return raw_status(stack, NOTES, f"Bearer {token}")

    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(flood, range(500)))
    assert [status for number, status in enumerate(given) if number % 5 == 0] == [200] * 100
    assert {status for number, status in enumerate(given) if number % 5} == {401}
    # What was asked is in the log by the time that a later request is.
    mark = api.get(SESSIONS).headers["X-Request-ID"]
    wait_until(lambda: mark in (stack.folder / "logs" / "users.log").read_text())
    cooldowns = 1 + (time.monotonic() - start) / COOLDOWN
    assert fetches(stack) - before <= WORKERS * cooldowns


def raw_status(stack, path, authorization):
    headers = (f"Authorization: {authorization}", "Accept: application/json")
    line = f"GET {path} HTTP/1.1"
    return raw.send(stack.gateway.port, raw.request(line, *headers)).status_code
