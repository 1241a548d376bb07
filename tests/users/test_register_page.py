"""Registering on the page: a form that says what is wrong at the field and keeps what was typed."""

import pytest

from accounts.models import PendingAddress, Session, User
from tests.users.conftest import PASSWORD

PAGE = "/register/"
BODY = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
XSS = '"><script>alert(1)</script>'
pytestmark = pytest.mark.django_db


def errors_of(page, field):
    return page.partition(f'<p id="{field}-errors" class="error">')[2].partition("</p>")[0]


def test_registers_and_is_signed_in(browser, post):
    assert browser.get(PAGE).status_code == 200
    response = post(PAGE, BODY)
    assert (response.status_code, response["Location"]) == (302, "/")
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert Session.objects.get().user == user
    assert response.cookies["access_token"]["httponly"]
    assert "Your last change" in browser.get("/").text


def test_the_page_asks_the_database_nothing(browser, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert browser.get(PAGE).status_code == 200


@pytest.mark.parametrize(
    ("asked", "to"), [("/notes/?q=a%26b", "/notes/?q=a%26b"), ("//evil.example", "/")]
)
def test_it_leads_back_and_nowhere_else(browser, post, asked, to):
    page = browser.get(PAGE, {"next": asked}).text
    assert "evil" not in page
    action = page.partition('<form method="post" action="')[2].partition('"')[0]
    assert post(action, BODY)["Location"] == to


def test_a_form_sent_to_another_place_leads_home(post):
    assert post(f"{PAGE}?next=//evil.example", BODY)["Location"] == "/"


@pytest.mark.parametrize(
    ("given", "field", "error"),
    [
        ({"username": ""}, "username", "This field may not be blank."),
        ({"username": XSS}, "username", "Enter a username of letters"),
        ({"email": "nobody"}, "email", "Enter a valid email address."),
        ({"email": XSS}, "email", "Enter a valid email address."),
        ({"password": "12345678"}, "password", "This password is entirely numeric."),
        ({"password": ""}, "password", "This field may not be blank."),
    ],
)
def test_errors_stand_at_the_field_and_the_rest_is_kept(post, given, field, error):
    body = {**BODY, **given}
    response = post(PAGE, body)
    assert response.status_code == 400
    page = response.text
    assert error in errors_of(page, field)
    assert page.count('aria-invalid="true"') == 1
    for name in {"username", "email"} - {field}:
        assert f'value="{body[name]}"' in page
    assert "<script>alert" not in page
    # Neither the one that was typed nor any other.
    assert 'type="password" value=""' in page
    assert not User.objects.exists()


def test_all_that_is_taken_is_said(post, ada):
    response = post(PAGE, {**BODY, "username": "ADA"})
    assert response.status_code == 409
    assert errors_of(response.text, "username") == "This username is taken."
    assert errors_of(response.text, "email") == "This email is taken."
    assert 'value="ADA"' in response.text
    assert "access_token" not in response.cookies


def test_what_is_not_asked_for_is_refused(post):
    response = post(PAGE, {**BODY, "is_staff": "true", "items": "x"})
    assert response.status_code == 400
    assert "is_staff</a>: This field cannot be set here." in response.text
    assert not User.objects.exists()


def test_a_form_without_a_csrf_token(browser):
    assert browser.post(PAGE, BODY).status_code == 403
    assert not User.objects.exists()


def test_who_is_signed_in_has_an_account(browser, at_home):
    assert browser.get(PAGE)["Location"] == "/"


def test_an_address_to_confirm_first(post, verification):
    response = post(PAGE, BODY)
    assert response.status_code == 200
    assert "A mail to your address says how to go on." in response.text
    assert "access_token" not in response.cookies
    assert PendingAddress.objects.get().username == "ada"


def test_without_a_signing_key_nobody_is_registered(browser, settings, tmp_path):
    settings.USERS_SIGNING_KEYS_DIR = tmp_path
    assert browser.get(PAGE).status_code == 503


def test_what_is_no_form_is_refused_on_a_page(browser):
    browser.handler.enforce_csrf_checks = False
    response = browser.post(PAGE, "{}", content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (415, "text/html; charset=utf-8")
    assert browser.get(PAGE, headers={"accept": "application/json"}).status_code == 406
