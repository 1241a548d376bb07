"""Passwords: of any length, and without a hint whether there is such an account."""

import re
import time

import pytest

from tests.security.people import SENT
from tests.security.times import TRIES, told_apart
from tests.system.browser import Browser
from tests.system.client import PASSWORD_MARK, Api, User, new_name
from tests.system.openapi import OPERATIONS, properties
from tests.system.problems import assert_problem

TOKEN, LOGIN = "/api/v1/auth/token/", "/login/"
TRIES_OF_ACCOUNT = 5  # before its count refuses more

FIELDS = [
    (operation, name)
    for operation in OPERATIONS
    for name in sorted({name for name, _ in properties(operation.document, operation.body)})
    if "password" in name
]


@pytest.fixture(scope="module")
def production(another_users):
    """Requests to users_project as it is in production."""
    with another_users() as port, Api(f"http://localhost:{port}") as client:
        yield client


def sign_in(client, user, password):
    return client.post(TOKEN, json={"username": user.username, "password": password})


def test_a_hash_in_production_costs_enough(production, users_sql):
    user = production.register()
    ((hashed,),) = users_sql("SELECT password FROM users WHERE id = %s", [user.id])
    assert int(re.match(r"bcrypt_sha256\$\$2b\$(\d+)\$", hashed)[1]) >= 12


@pytest.mark.timeout(900)  # twenty seconds on a machine that does nothing else
def test_the_time_tells_of_no_account(production, users_sql):
    """Without a hash, which is most of the request's time, hardly a pair would be the other way
    round: 1.0, or 0.0.
    """
    accounts = TRIES // TRIES_OF_ACCOUNT
    known, inactive = ([production.register() for _ in range(accounts)] for _ in range(2))
    ids = [user.id for user in inactive]
    users_sql("UPDATE users SET is_active = false WHERE id = ANY(%s::uuid[])", [ids])
    nobody = [User() for _ in range(accounts)]
    kinds = {
        "known": lambda turn: (known[turn], User().password),
        "unknown": lambda turn: (nobody[turn], User().password),
        "inactive": lambda turn: (inactive[turn], inactive[turn].password),
    }
    times = {kind: [] for kind in kinds}
    bodies = set()
    for number in range(TRIES):
        for kind in sorted(kinds, reverse=number % 2 == 1):
            start = time.perf_counter()
            answer = sign_in(production, *kinds[kind](number % accounts))
            times[kind].append(time.perf_counter() - start)
            assert answer.status_code == 401
            bodies.add(answer.text.replace(answer.json()["request_id"], ""))
    assert len(bodies) == 1
    for kind in ("unknown", "inactive"):
        assert not told_apart(times["known"], times[kind]), kind


@pytest.mark.parametrize("letter", ["x", "é", "字"])
def test_bytes_beyond_what_bcrypt_reads_count(api, letter):
    """bcrypt itself takes 72 bytes and leaves the rest out."""
    length = 72 // len(letter.encode())
    most = (PASSWORD_MARK + letter * length).encode()[:72].decode(errors="ignore").ljust(8)
    user = api.register(password=f"{most}{letter}a")
    for wrong in (most, f"{most}{letter}", f"{most}{letter}b", f"{most}{letter}aa"):
        assert_problem(sign_in(api, user, wrong), 401)
    assert api.sign_in(user).user is user


@pytest.mark.parametrize(("operation", "field"), FIELDS, ids=lambda each: str(each))
@pytest.mark.parametrize(
    "password",
    [PASSWORD_MARK.ljust(10_000_000, "x"), f"{PASSWORD_MARK}\0after", "\0"],
    ids=["10 MB", "with NUL", "NUL"],
)
def test_what_is_no_password(new, operation, field, password):
    """Refused before a hasher sees it, in the same way by each operation."""
    client = new()
    body = SENT[str(operation)](client) | {field: password}
    answer = client.request(operation.method, operation.path, json=body)
    errors = assert_problem(answer, 400)["errors"]
    assert [error["pointer"] for error in errors] == [f"/{field}"]
    # Of whom the password would be makes no difference.
    if str(operation) == "sign_in":
        unknown = client.post(operation.path, json={**body, "username": new_name()})
        assert assert_problem(unknown, 400)["errors"] == errors


@pytest.mark.parametrize(
    "more", ["x" * 10_000_000, "\0after", "x" * 1025], ids=["10 MB", "NUL", "1 kB"]
)
def test_what_is_no_password_in_a_browser(api, more):
    """Nor is the password, with more behind it."""
    known, unknown = api.register(), User()
    statuses = set()
    for user in (known, unknown):
        with Browser(api.url, user) as browser:
            fields = browser.open(LOGIN).form_with("username")["fields"]
            fields |= {"username": user.username, "password": user.password + more}
            answer = browser.post(LOGIN, data=fields, headers={"Referer": api.url + LOGIN})
            assert "access_token" not in browser.cookies
            statuses.add(answer.status_code)
    assert len(statuses) == 1
    assert statuses < {200, 400, 413}


def test_a_password_of_1024_letters(api):
    """As long as one may be, so that nothing in front of the service is shorter."""
    user = api.register(password=PASSWORD_MARK.ljust(1024, "x"))
    assert api.sign_in(user)
