"""With EMAIL_VERIFICATION no answer, nor its time, says whether an address has an account."""

import re
import time

import pytest

from devstack import demo
from tests.security.times import TRIES, told_apart
from tests.system.browser import Browser
from tests.system.client import Api, User
from tests.system.problems import assert_problem

USERS, ME = "/api/v1/users/", "/api/v1/users/me/"
CONFIRM = "/api/v1/auth/email-verification/confirm/"


@pytest.fixture(scope="module")
def upstream(another_users):
    """users_project with the setting on."""
    with another_users(EMAIL_VERIFICATION="true") as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def verifying(gateway, upstream):
    """A client of nobody, through a gateway of its own."""
    with (
        gateway(USERS_UPSTREAM=upstream, GATEWAY_PASSWORDS_PER_MINUTE="6000") as url,
        Api(url) as client,
    ):
        yield client


def said(answer):
    """All of an answer but what is another for each request."""
    others = {"X-Request-ID", "Date", "Expires", "RateLimit", "Set-Cookie"}
    headers = {name: value for name, value in answer.headers.items() if name not in others}
    return answer.status_code, answer.text, headers


def test_registering(verifying, api, mails, wait_until):
    known, unknown = api.register(), User()
    answers = [
        said(verifying.post(USERS, json=User(email=email).registration))
        for email in (known.email.upper(), unknown.email)
    ]
    assert answers[0] == answers[1]
    assert answers[0][:2] == (202, "")
    wait_until(lambda: mails(unknown.email))
    (told,) = mails(known.email)
    assert known.username in told
    assert "token=" not in told
    assert "token=" in mails(unknown.email)[0]


def test_registering_in_a_browser(verifying, api):
    pages = []
    for email in (api.register().email, User().email):
        with Browser(verifying.url, User(email=email)) as browser:
            fields = browser.open("/register/").form_with("username")["fields"]
            fields |= browser.user.registration
            answer = browser.post(
                "/register/", data=fields, headers={"Referer": f"{verifying.url}/register/"}
            )
        pages.append(said(answer))
    assert pages[0] == pages[1]
    assert pages[0][0] == 200


def test_another_address(verifying, api, mails, wait_until):
    known, unknown, user = api.register(), User(), api.register()
    client = verifying.sign_in(user)
    answers = []
    for email in (known.email, unknown.email):
        answer = client.patch(ME, json={"email": email, "password": user.password})
        assert answer.json()["email"] == user.email
        answers.append(said(answer))
    assert answers[0] == answers[1]
    assert answers[0][0] == 202
    wait_until(lambda: mails(unknown.email))
    assert "token=" not in mails(known.email)[0]


def test_a_name_that_is_taken_tells_nothing_of_the_address(verifying, api):
    known = api.register()
    for email in (known.email, User().email):
        body = User(email=email).registration | {"username": known.username.upper()}
        errors = assert_problem(verifying.post(USERS, json=body), 409)["errors"]
        assert [error["pointer"] for error in errors] == ["/username"]


def test_a_link_makes_the_user(verifying, mails, users_sql, wait_until):
    user = User()
    assert verifying.post(USERS, json=user.registration).status_code == 202
    count = "SELECT count(*) FROM users WHERE username = %s"
    assert users_sql(count, [user.username]) == [(0,)]
    wait_until(lambda: mails(user.email))
    (token,) = re.findall(r"\?token=(\S+)", mails(user.email)[0])
    assert verifying.post(CONFIRM, json={"token": token}).status_code == 204
    assert verifying.sign_in(user).get(ME).json()["username"] == user.username


def test_the_demo_ends_where_a_link_is_needed(verifying, stack):
    lines = []
    demo.walk(stack.environment() | {"GATEWAY_URL": verifying.url}, lines.append)
    (line,) = lines
    assert line.startswith("EMAIL_VERIFICATION is on")


@pytest.mark.timeout(900)  # fifteen seconds on a machine that does nothing else
def test_the_time(verifying, api):
    """It is mostly that of the hash, which has to be made for both."""
    known = [api.register().email for _ in range(TRIES)]
    unknown = [User().email for _ in range(TRIES)]
    times = {"known": [], "unknown": []}
    for number in range(TRIES):
        both = [("known", known[number]), ("unknown", unknown[number])]
        for kind, email in reversed(both) if number % 2 else both:
            body = User(email=email).registration
            start = time.perf_counter()
            answer = verifying.post(USERS, json=body)
            times[kind].append(time.perf_counter() - start)
            assert answer.status_code == 202
    assert not told_apart(times["known"], times["unknown"])
