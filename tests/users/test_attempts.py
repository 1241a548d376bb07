"""How many passwords may be tried: by name and network, and by browser."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts import password_reset
from attempts.mails import MAILS
from attempts.models import Attempts, add, counted, key_of
from attempts.passwords import FAILURES, FAILURES_OF_ALL, NETWORK_LIFETIME, TIME, network_of
from tests.users.conftest import PASSWORD

TOKEN, LOGIN, ME = "/api/v1/auth/token/", "/login/", "/api/v1/users/me/"
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def sign_in(anonymous):
    def sign_in(name="ada", password=PASSWORD, address=HERE, times=1):
        field = "email" if "@" in name else "username"
        for _ in range(times):
            answer = anonymous.post(
                TOKEN, {field: name, "password": password}, HTTP_X_FORWARDED_FOR=address
            )
        return answer

    return sign_in


@pytest.fixture
def at_login(browser):
    def at_login(password, address=HERE):
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(LOGIN).text)[1]
        fields = {"username": "ada", "password": password, "csrfmiddlewaretoken": token}
        return browser.post(LOGIN, fields, HTTP_X_FORWARDED_FOR=address)

    return at_login


def later():
    """As if all counts had ended."""
    Attempts.objects.update(ends_at="2026-01-01T00:00:00Z")


def test_ten_wrong_ones_refuse_more_from_there(ada, new_user, sign_in, errors):
    assert sign_in(password="wrong", times=FAILURES).status_code == 401
    refused = sign_in()
    assert (refused.status_code, refused["Retry-After"]) == (429, str(int(TIME.total_seconds())))
    assert refused.json()["detail"] == "Too many passwords were wrong. Try again later."
    assert sign_in(address=ELSEWHERE).status_code == 200
    new_user("bob")
    assert sign_in("bob").status_code == 200
    later()
    assert sign_in().status_code == 200


def test_a_right_one_begins_anew(ada, sign_in):
    sign_in(password="wrong", times=FAILURES - 1)
    assert sign_in().status_code == 200
    assert sign_in(password="wrong", times=FAILURES).status_code == 401


@pytest.mark.parametrize("exists", [True, False])
def test_names_are_counted_alike_whether_somebody_has_them_or_not(new_user, sign_in, exists):
    """Each by itself, in all spellings: two that are one account's tell so by nothing."""
    if exists:
        new_user("ida")
    assert sign_in("ida", "wrong", times=FAILURES).status_code == 401
    refused = sign_in("IDA")
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    tried = ("\uff29da", "\u0130da", "ida@example.com", "Ida@Example.com")
    assert [sign_in(name, "wrong").status_code for name in tried] == [429, 429, 401, 401]


def test_an_inactive_account_is_counted_alike(new_user, sign_in):
    new_user("ada", is_active=False)
    assert sign_in(times=FAILURES).status_code == 401
    assert sign_in().status_code == 429


def test_guesses_from_many_networks(ada, sign_in):
    """End in networks that the account does not know."""
    assert sign_in(address=ELSEWHERE).status_code == 200
    for number in range(FAILURES_OF_ALL):
        assert sign_in(password="wrong", address=f"203.0.113.{number}").status_code == 401
    refused = sign_in(address="203.0.113.200")
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert sign_in(address=ELSEWHERE).status_code == 200


def test_a_new_password_by_mail_gets_in_from_anywhere(ada, sign_in, anonymous):
    names = ("ada", "ada@example.com")
    for name in names:
        for key in (key_of("network", name, f"{HERE}/32"), key_of("all", name)):
            Attempts.objects.create(key=key, count=FAILURES_OF_ALL, ends_at="2126-01-01T00:00:00Z")
        assert sign_in(name).status_code == 429
    given = {"token": password_reset.token_of(ada), "new_password": "another Kestrel"}
    path = "/api/v1/auth/password-reset/confirm/"
    assert anonymous.post(path, given, HTTP_X_FORWARDED_FOR=HERE).status_code == 204
    for name in names:
        assert sign_in(name, "another Kestrel").status_code == 200
        assert sign_in(name, "another Kestrel", ELSEWHERE).status_code == 429


def test_an_address_gets_few_mails(ada, mailoutbox):
    for _ in range(MAILS + 1):
        password_reset.send_link("ADA@example.com")
    assert len(mailoutbox) == MAILS


def test_what_is_wrong_in_a_known_network_counts_for_it_alone(ada, sign_in):
    sign_in(address=ELSEWHERE)
    sign_in(password="wrong", address=ELSEWHERE)
    assert counted([key_of("all", "ada")]) == {}


def test_each_sign_in_keeps_its_network_known(ada, sign_in):
    """Also of somebody who never stays away for so long."""
    known = key_of("known", str(ada.pk), f"{HERE}/32")
    for _ in range(2):
        assert sign_in().status_code == 200
        _, seconds = counted([known])[known]
        assert seconds > (NETWORK_LIFETIME - timedelta(days=1)).total_seconds()
        Attempts.objects.update(ends_at=Now() + timedelta(days=1))


def test_a_browser_that_has_signed_in_has_its_own_count(ada, sign_in, at_login, browser):
    signed_in = at_login(PASSWORD)
    assert signed_in.status_code == 302
    cookie = signed_in.cookies["users_device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    sign_in(password="wrong", times=FAILURES)
    assert sign_in().status_code == 429
    browser.cookies.pop("users_session")
    assert at_login(PASSWORD).status_code == 302
    # Its own guesses end too.
    browser.cookies.pop("users_session")
    for _ in range(FAILURES):
        assert at_login("wrong").status_code == 200
    refused = at_login(PASSWORD)
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    assert refused["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("length", [0, 20, -1])
def test_a_forged_device_is_none(ada, sign_in, at_login, browser, length):
    at_login(PASSWORD)
    browser.cookies["users_device"] = browser.cookies["users_device"].value[:length]
    browser.cookies.pop("users_session")
    sign_in(password="wrong", times=FAILURES)
    assert at_login(PASSWORD).status_code == 429


def test_the_device_of_another_account_is_none(ada, new_user, sign_in, at_login, browser):
    at_login(PASSWORD)
    new_user("bob")
    sign_in("bob", "wrong", times=FAILURES)
    device = browser.cookies["users_device"].value
    answer = browser.post(
        TOKEN,
        {"username": "bob", "password": PASSWORD},
        content_type="application/json",
        HTTP_X_FORWARDED_FOR=HERE,
        HTTP_COOKIE=f"users_device={device}",
    )
    assert answer.status_code == 429


def test_a_refused_try_runs_no_hasher(ada, sign_in, monkeypatch):
    sign_in(password="wrong", times=FAILURES)
    monkeypatch.setattr(type(ada), "check_password", None)
    assert sign_in().status_code == 429


def test_a_session_is_asked_again_ten_times(ada, api, signed_in):
    for _ in range(FAILURES - 5):
        assert api.delete(ME, {"password": "wrong"}).status_code == 403
    change = {"current_password": "wrong", "new_password": "another Kestrel"}
    for _ in range(5):
        assert api.post(f"{ME}password/", change).status_code == 403
    refused = api.delete(ME, {"password": PASSWORD})
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    # The owner's own session.
    assert signed_in(ada).delete(ME, {"password": PASSWORD}).status_code == 204


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("no address", ""),
    ],
)
def test_networks(rf, address, network):
    assert network_of(rf.get("/", HTTP_X_FORWARDED_FOR=address)) == network
    assert network_of(rf.get("/", REMOTE_ADDR=address)) == network


def test_old_rows_go(db):
    for number in range(25):
        add(key_of("network", str(number)), TIME)
    later()
    left = [(add(key_of("new"), TIME), Attempts.objects.count()) for _ in range(4)]
    assert left == [(1, 16), (2, 6), (3, 1), (4, 1)]


def test_rows_tell_no_name_and_no_address(ada, sign_in):
    sign_in(password="wrong")
    with connection.cursor() as cursor:
        cursor.execute("SELECT attempts::text FROM attempts")
        text = str(cursor.fetchall())
    assert "ada" not in text
    assert HERE not in text
    assert str(ada.pk) not in text
