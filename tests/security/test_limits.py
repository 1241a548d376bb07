"""Limits: by address in the gateway, by account and by user in the services."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.system.client import Client
from tests.system.problems import assert_problem

NOTES, TOKEN, LOGIN = "/api/v1/notes/", "/api/v1/auth/token/", "/login/"
FAILURES = 10  # attempts.passwords
REQUESTS = 40


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
        ("POST", "/register/"),
        ("PATCH", "/api/v1/users/me/"),
        ("DELETE", "/api/v1/users/me/"),
        ("POST", "/api/v1/users/me/password/"),
        ("POST", "/api/v1/auth/password-reset/"),
        ("POST", "/api/v1/auth/email-verification/"),
        ("POST", "/password-reset/"),
        ("POST", "/email-verification/"),
        ("GET", "/api/v1/users/me/export/"),
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


def test_a_guesser_locks_nobody_out(behind_proxy, api):
    victim = api.register()
    guesses = [sign_in(behind_proxy, victim, "203.0.113.7", "wrong") for _ in range(FAILURES)]
    assert {answer.status_code for answer in guesses} == {401}
    refused = sign_in(behind_proxy, victim, "203.0.113.7")
    assert_problem(refused, 429, TOKEN)
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    # From anywhere else, and from this address to another account.
    assert sign_in(behind_proxy, victim, "203.0.113.8").status_code == 200
    assert sign_in(behind_proxy, api.register(), "203.0.113.7").status_code == 200


def test_behind_a_proxy_the_last_address_counts_that_is_no_proxys(behind_proxy, api):
    """What stands before it is the client's to write."""
    user = api.register()
    for number in range(FAILURES):
        way = f"198.51.100.{number}, 203.0.113.30, 127.0.0.1"
        assert sign_in(behind_proxy, user, way, "wrong").status_code == 401
    assert sign_in(behind_proxy, user, "203.0.113.30").status_code == 429
    assert sign_in(behind_proxy, user, "198.51.100.1").status_code == 200


def test_guesses_at_once_are_counted_by_all_workers(behind_proxy, api):
    user = api.register()
    with ThreadPoolExecutor(4) as pool:
        codes = list(
            pool.map(
                lambda _: sign_in(behind_proxy, user, "203.0.113.20", "wrong").status_code,
                range(24),
            )
        )
    # Four are in hand at once, and each sees what was counted before it.
    assert FAILURES <= codes.count(401) <= FAILURES + 3
    assert codes.count(401) + codes.count(429) == 24, codes


def of_many_requests(client, path):
    """What many answers say, given by several workers."""
    token = {"Authorization": client.headers["Authorization"], "Accept": "application/json"}

    def ask(_):
        headers = requests.get(client.url + path, headers=token, timeout=60).headers
        return headers["RateLimit-Policy"], headers["RateLimit"]

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(REQUESTS)))


@pytest.mark.parametrize("path", [NOTES, "/api/v1/users/me/"])
def test_each_answer_to_a_user_tells_what_is_left(api, path):
    assert "RateLimit" not in api.get(path).headers
    for _ in range(3):
        headers = of_many_requests(api.sign_in(), path)
        (quota,) = {int(re.fullmatch(r'"reads";q=(\d+);w=60', each)[1]) for each, _ in headers}
        told = [re.fullmatch(r'"reads";r=(\d+);t=(\d+)', each) for _, each in headers]
        seconds = [int(each[2]) for each in told]
        assert 1 <= min(seconds) <= max(seconds) <= 60
        if max(seconds) - min(seconds) < 30:
            break  # otherwise a new minute has begun between them
    # All workers count together; two of them at the same moment may count one.
    assert quota - REQUESTS <= min(int(each[1]) for each in told) <= quota - REQUESTS + 2
