"""People who use the system, as HTTP clients. Nobody may be shown another one's secrets."""

import re
import secrets
from dataclasses import dataclass, field

import requests

# Every address and password of these tests carries one of these, so that a leak can be told.
MAIL_DOMAIN = "mailbox.example"
PASSWORD_MARK = "Kestrel-"
ADDRESS = re.compile(rf"[\w.+-]+@{re.escape(MAIL_DOMAIN)}")
HASH = re.compile(r"bcrypt_sha256|\$2b\$")
# The tokens that clients have sent or been given: what else no log may have.
TOKENS = set()
# In JSON, in a header, in a cookie. Shorter ones are what tests have made up.
_BEFORE = r"\"(?:access|refresh|token)\": ?\"|Bearer |(?:access_token|users_\w+|notes_csrf)=\"?"
_TOKEN = re.compile(rf"(?:{_BEFORE})([\w.:=-]{{20,}})")


def remember_tokens(text):
    TOKENS.update(_TOKEN.findall(text))


def new_name():
    return f"user-{secrets.token_hex(4)}"


@dataclass
class User:
    username: str = field(default_factory=new_name)
    email: str = ""
    password: str = field(default_factory=lambda: PASSWORD_MARK + secrets.token_hex(8))
    id: str = ""

    def __post_init__(self):
        self.email = self.email or f"{self.username}@{MAIL_DOMAIN}"

    @property
    def registration(self):
        return {"username": self.username, "email": self.email, "password": self.password}

    @property
    def credentials(self):
        return {"username": self.username, "password": self.password}


class Client(requests.Session):
    """A session with the gateway, whose requests take a path. JSON is accepted by default.

    Attributes:
        refresh: the refresh token of who has signed in.
    """

    refresh = None

    def __init__(self, url, user=None, *, accept="application/json"):
        super().__init__()
        self.url = url
        self.user = user
        self.trust_env = False  # no proxy, no .netrc
        self.headers["Accept"] = accept
        self.hooks["response"] += [self._require_no_secrets, self._remember_tokens]

    def request(self, method, path, **options):
        url = path if path.startswith("http") else self.url + path
        return super().request(method, url, **{"timeout": 60, **options})

    def _remember_tokens(self, response, **_):
        sent = response.request
        body = sent.body.decode("latin-1") if isinstance(sent.body, bytes) else str(sent.body)
        for text in (body, response.text, str(sent.headers), str(response.headers)):
            remember_tokens(text)

    def _require_no_secrets(self, response, **_):
        given = response.text
        own = {self.user.email} if self.user else set()
        assert set(ADDRESS.findall(given)) <= own, f"{response.url} shows an e-mail address"
        assert PASSWORD_MARK not in given, f"{response.url} shows a password"
        assert not HASH.search(given), f"{response.url} shows a password's hash"


class Api(Client):
    """Nobody in particular, who can become somebody."""

    def register(self, **values) -> User:
        user = User(**values)
        with Client(self.url, user) as client:
            response = client.post("/api/v1/users/", json=user.registration)
        assert response.status_code == 201, response.text
        user.id = response.json()["id"]
        return user

    def sign_in(self, user=None) -> Client:
        """A client with the user's bearer token; of a new user by default."""
        client = Client(self.url, user or self.register())
        response = client.post("/api/v1/auth/token/", json=client.user.credentials)
        assert response.status_code == 200, response.text
        client.headers["Authorization"] = f"Bearer {response.json()['access']}"
        client.refresh = response.json()["refresh"]
        return client
