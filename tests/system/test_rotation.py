"""A new signing key, twice, while both services are used."""

import os
import threading
from pathlib import Path

import jwt
import pytest

ME, NOTES, REFRESH = "/api/v1/users/me/", "/api/v1/notes/", "/api/v1/auth/token/refresh/"
PEOPLE = 2


class Person(threading.Thread):
    """Renews its tokens and uses them, several times a second.

    Attributes:
        refused: what was answered with something else than 200.
        kid: the key that has signed the token in use.
    """

    def __init__(self, api):
        super().__init__(daemon=True)
        self.user = api.register()
        self.client = api.sign_in(self.user)
        self.tokens = api.post("/api/v1/auth/token/", json=self.user.credentials).json()
        self.stopped = threading.Event()
        self.refused = []
        self.kid = None
        self.rounds = 0

    def run(self):
        while not self.stopped.wait(0.25):
            renewed = self._ask("POST", REFRESH, json={"refresh": self.tokens["refresh"]})
            if renewed.status_code != 200:
                return
            former, self.tokens = self.tokens, renewed.json()
            for access in (self.tokens["access"], former["access"]):
                headers = {"Authorization": f"Bearer {access}"}
                for path in (ME, NOTES):
                    self._ask("GET", path, headers=headers)
            self.kid = jwt.get_unverified_header(self.tokens["access"])["kid"]
            self.rounds += 1

    def _ask(self, method, path, **options):
        answer = self.client.request(method, path, **options)
        if answer.status_code != 200:
            self.refused.append((method, path, answer.status_code, answer.text))
        return answer


@pytest.fixture
def people(api):
    people = [Person(api) for _ in range(PEOPLE)]
    for person in people:
        person.start()
    yield people
    for person in people:
        person.stopped.set()
        person.join(60)


@pytest.fixture
def rotate(stack, manage):
    """As five minutes after the last rotation."""

    def rotate():
        os.utime(Path(stack.environment()["USERS_SIGNING_KEYS_DIR"]) / "next.pem", (0, 0))
        done = manage("users", "rotate_signing_key")
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    return rotate


@pytest.fixture
def know_all_keys(stack, api, wait_until):
    """Within five minutes each worker of notes_project asks for the keys. An unknown one has it ask
    at once, but not twice in half a minute."""
    log = stack.folder / "logs" / "users.log"
    workers = int(stack.environment_of("notes").get("WEB_WORKERS") or 2)
    header = {"typ": "at+jwt", "kid": "unknown"}
    unknown = jwt.encode({}, "x" * 32, algorithm="HS256", headers=header)

    def asked():
        return log.read_text().count("GET /.well-known/jwks.json")

    def know_all_keys():
        before = asked()

        def each_has_asked():
            for _ in range(8):
                api.get(NOTES, headers={"Authorization": f"Bearer {unknown}"})
            return asked() >= before + workers

        wait_until(each_has_asked, 90)

    return know_all_keys


@pytest.mark.timeout(600)
def test_no_request_fails_during_two_rotations(people, rotate, know_all_keys, wait_until):
    for _ in range(2):
        know_all_keys()
        kid = rotate()
        wait_until(lambda kid=kid: all(person.kid == kid for person in people))
        rounds = [person.rounds for person in people]
        wait_until(
            lambda before=rounds: all(
                person.rounds > then for person, then in zip(people, before, strict=True)
            )
        )
    assert [person.refused for person in people] == [[]] * PEOPLE
