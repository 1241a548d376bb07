"""Limits: by address in the gateway, by account and by user in the services."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.system.browser import Browser
from tests.system.client import Api, Client
from tests.system.problems import assert_problem

NOTES, TOKEN, LOGIN = "/api/v1/notes/", "/api/v1/auth/token/", "/login/"
FAILURES = 10  # attempts.passwords


@pytest.fixture
def behind_proxy(gateway):
    """A gateway that believes X-Forwarded-For, so that a test can come from any address."""
    with gateway(GATEWAY_TRUSTED_PROXY="127.0.0.1") as url:
        yield url


def sign_in(url, user, address, password=None):
    given = user.credentials | ({"password": password} if password else {})
    with Client(url, user) as client:
        return client.post(TOKEN, json=given, headers={"X-Forwarded-For": address})


def test_requests_of_an_address(gateway, stack):
    with gateway(GATEWAY_REQUESTS_PER_SECOND="1") as url, Client(url) as client:
        answers = [client.get(NOTES) for _ in range(4)]
        assert_problem(answers[0], 401, NOTES)
        refused = answers[-1]
        assert_problem(refused, 429, NOTES)
        assert refused.headers["Retry-After"] == "1"
        # What is not counted.
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", TOKEN),
        ("POST", "/api/v1/users/"),
        ("POST", LOGIN),
        ("DELETE", "/api/v1/users/me/"),
        ("POST", "/api/v1/users/me/password/"),
        ("POST", "/api/v1/auth/password-reset/"),
    ],
)
def test_passwords_of_an_address(gateway, method, path):
    with gateway(GATEWAY_PASSWORDS_PER_MINUTE="1") as url, Client(url) as client:
        answers = [client.request(method, path, json={}) for _ in range(22)]
        assert answers[0].status_code != 429
        assert_problem(answers[-1], 429, path)
        assert answers[-1].headers["Retry-After"] == "10"
        # However the path is written.
        assert client.request(method, path.replace("i", "%69"), json={}).status_code == 429
        # Reading, and what tells no password.
        assert client.get(NOTES).status_code == 401
        assert client.post("/api/v1/auth/logout/", json={}).status_code == 400


def test_who_chooses_an_address_is_not_believed(gateway):
    with gateway(GATEWAY_REQUESTS_PER_SECOND="1") as url, Client(url) as client:
        for number in range(5):
            forged = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": "203.0.113.9"}
            last = client.get(NOTES, headers=forged)
        assert_problem(last, 429)


def test_an_ipv6_client_has_one_network(gateway):
    variables = {"GATEWAY_REQUESTS_PER_SECOND": "1", "GATEWAY_TRUSTED_PROXY": "127.0.0.1"}
    with gateway(**variables) as url, Client(url) as client:

        def status(address):
            return client.get(NOTES, headers={"X-Forwarded-For": address}).status_code

        assert [status(f"2001:db8::{number}:1") for number in range(5)][-1] == 429
        assert status("2001:db8:0:1::1") == 401


def test_a_guesser_locks_nobody_out(behind_proxy, api, users_sql):
    victim = api.register()
    guesses = [sign_in(behind_proxy, victim, "203.0.113.7", "wrong") for _ in range(FAILURES)]
    assert {answer.status_code for answer in guesses} == {401}
    refused = sign_in(behind_proxy, victim, "203.0.113.7")
    assert_problem(refused, 429, TOKEN)
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    # Nobody learns whether there is such an account.
    nobody = type(victim)()
    for _ in range(FAILURES):
        assert sign_in(behind_proxy, nobody, "203.0.113.7").status_code == 401
    assert_problem(sign_in(behind_proxy, nobody, "203.0.113.7"), 429, TOKEN)
    # From anywhere else, and from this address to another account.
    assert sign_in(behind_proxy, victim, "203.0.113.8").status_code == 200
    assert sign_in(behind_proxy, api.register(), "203.0.113.7").status_code == 200


def test_both_names_of_an_account_are_one(behind_proxy, api):
    user = api.register()
    for number in range(FAILURES):
        name = {"username": user.username.upper()} if number % 2 else {"email": user.email}
        with Client(behind_proxy, user) as client:
            answer = client.post(TOKEN, json={**name, "password": "wrong"})
        assert answer.status_code == 401
    assert_problem(sign_in(behind_proxy, user, "127.0.0.1"), 429)


def test_guesses_at_once_are_counted_by_all_workers(behind_proxy, api):
    user = api.register()
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(
                lambda _: sign_in(behind_proxy, user, "203.0.113.20", "wrong").status_code,
                range(40),
            )
        )
    # Eight are in hand at once, and each sees what was counted before it.
    assert FAILURES <= codes.count(401) <= FAILURES + 8
    assert codes.count(401) + codes.count(429) == 40


def test_guesses_from_many_networks(behind_proxy, api, users_sql):
    """They end, and the account's owner signs in where they did before."""
    user = api.register()
    assert sign_in(behind_proxy, user, "198.51.100.1").status_code == 200
    known = users_sql("SELECT key FROM attempts")
    assert sign_in(behind_proxy, user, "203.0.113.30", "wrong").status_code == 401
    # As 99 other networks would have left it; of the two new rows one lasts longer.
    users_sql(
        "UPDATE attempts SET count = 100 WHERE ends_at > now() + interval '50 minutes'"
        " AND ends_at < now() + interval '1 day' AND key <> ALL(%s)",
        [[key for (key,) in known]],
    )
    assert_problem(sign_in(behind_proxy, user, "203.0.113.31"), 429)
    assert sign_in(behind_proxy, user, "198.51.100.1").status_code == 200


def test_a_browser_that_has_signed_in_is_not_kept_out(behind_proxy, api):
    user = api.register()
    with Browser(behind_proxy, user) as browser, Browser(behind_proxy, user) as other:
        browser.sign_in()
        # Somebody beside them guesses.
        for _ in range(FAILURES):
            assert sign_in(behind_proxy, user, "127.0.0.1", "wrong").status_code == 401
        form = other.open(LOGIN).form_with("username", "password")
        fields = form["fields"] | user.credentials
        refused = other.post(LOGIN, data=fields, headers={"Referer": behind_proxy + LOGIN})
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert user.password not in refused.text
        browser.cookies.pop("users_session")
        assert browser.sign_in().url == f"{behind_proxy}/"


def test_no_name_or_address_is_kept(api, users_sql):
    user = api.register()
    sign_in(api.url, user, "127.0.0.1", "wrong")
    text = str(users_sql("SELECT * FROM attempts"))
    assert user.username not in text
    assert user.id not in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize("path", [NOTES, "/api/v1/users/me/"])
def test_each_answer_to_a_user_tells_what_is_left(api, path):
    client = api.sign_in()
    first, second = (client.get(path) for _ in range(2))
    policy = re.fullmatch(r'"reads";q=(\d+);w=60', first.headers["RateLimit-Policy"])
    left = [
        re.fullmatch(r'"reads";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
        for answer in (first, second)
    ]
    assert int(left[0][1]) < int(policy[1])
    assert 1 <= int(left[1][2]) <= 60
    # Unless a minute has begun between the two.
    assert int(left[1][1]) == int(left[0][1]) - 1 or int(left[1][2]) > int(left[0][2])
    assert "RateLimit" not in Api(api.url).get(path).headers
