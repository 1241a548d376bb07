"""Every endpoint of the accounts from its page: forms, links, what was wrong."""

import html
import re
from urllib.parse import quote

import pytest

from accounts.models import Session
from tests.users.conftest import PASSWORD
from tests.users.test_browser import ME, USERS

AUTH, SESSIONS = "/api/v1/auth/", "/api/v1/auth/sessions/"
PASSWORD_PAGE = f"{ME}password/"
XSS = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"
# Each page, and the fields of its form.
FORMS = {
    USERS: ("POST", ["email", "username", "password"]),
    ME: ("PATCH", ["email", "username", "password"]),
    PASSWORD_PAGE: ("POST", ["current_password", "new_password"]),
    f"{AUTH}token/": ("POST", ["username", "email", "password"]),
    f"{AUTH}token/refresh/": ("POST", ["refresh"]),
    f"{AUTH}logout/": ("POST", ["refresh"]),
    f"{AUTH}logout-all/": ("POST", []),
    f"{AUTH}password-reset/": ("POST", ["email"]),
    f"{AUTH}password-reset/confirm/": ("POST", ["token", "new_password"]),
    f"{AUTH}email-verification/": ("POST", ["email"]),
    f"{AUTH}email-verification/confirm/": ("POST", ["token"]),
}


def form_of(page, method):
    pattern = rf'<form data-method="{method}"[^>]* enctype="multipart/form-data"[^>]*>(.*?)</form>'
    return re.search(pattern, page, re.DOTALL)[1]


def fields_of(page, method):
    return re.findall(r'<input id="field-\w+" name="(\w+)"', form_of(page, method))


def token_of(page):
    return re.search(r'"csrfToken": "(\w+)"', page)[1]


@pytest.mark.parametrize(("path", "form"), FORMS.items())
def test_each_page_has_its_form(browser, at_home, path, form):
    page = browser.get(path)
    assert page.status_code == 200
    assert fields_of(page.text, form[0]) == form[1]
    # Each field has its label.
    ids = re.findall(r'<(?:input|textarea|select)[^>]* id="([^"]*)"', page.text)
    assert set(ids) == set(re.findall(r'<label for="([^"]*)"', page.text))
    assert len(ids) == len(set(ids))


def test_passwords_are_fields_of_passwords(browser, at_home):
    page = browser.get(PASSWORD_PAGE).text
    for name, kind in (("current_password", "current"), ("new_password", "new")):
        field = re.search(rf'<input [^>]*name="{name}"[^>]*>', page)[0]
        assert 'type="password"' in field
        assert f'autocomplete="{kind}-password"' in field


def test_pages_link_what_belongs_together(browser, at_home, ada):
    session = Session.objects.get()
    for path, wanted in (
        (ME, [PASSWORD_PAGE, SESSIONS, f"{ME}export/", "/api/v1/notes/", "/api/v1/"]),
        (USERS, [f"{USERS}{ada.id}/"]),
        (SESSIONS, [f"{SESSIONS}{session.id}/", f"{AUTH}logout-all/"]),
    ):
        page = browser.get(path).text
        assert set(wanted) <= set(re.findall(r'<a href="([^"]*)"', page)), path
    root = browser.get("/api/v1/").text
    for path in FORMS:
        assert f'href="http://testserver{path}"' in root


def test_what_is_wrong_is_said_at_the_field_and_the_rest_is_kept(browser, at_home, new_user):
    new_user("bob")
    page = browser.get(ME).text
    headers = {"x-csrftoken": token_of(page)}
    form = "application/x-www-form-urlencoded"
    sent = f"username=Bob&email=new@example.com&password={quote(PASSWORD)}"
    taken = browser.patch(ME, sent, content_type=form, headers=headers)
    assert taken.status_code == 409
    assert "<code>/username</code> This username is taken." in taken.text
    typed = form_of(taken.text, "PATCH")
    assert '<p class="error">This username is taken.</p>' in typed
    assert 'value="new@example.com"' in typed
    wrong = {"current_password": "wrong", "new_password": "battery staple 7"}
    refused = browser.post(PASSWORD_PAGE, wrong, headers=headers)
    assert refused.status_code == 403
    assert '<p class="error">This is not the password.</p>' in form_of(refused.text, "POST")
    assert "battery staple 7" not in refused.text


def test_a_session_that_goes_on_is_asked_for_a_new_token(browser, at_home):
    """Rather than shown what a stranger sees."""
    browser.cookies["access_token"] = "old"
    assert "ada@example.com" in browser.get(USERS, follow=True).text


def test_text_is_inert_wherever_it_stands(browser, at_home):
    Session.objects.update(user_agent=XSS)
    session = Session.objects.get()
    pages = [SESSIONS, f"{SESSIONS}{session.id}/", f"{ME}export/", f"{USERS}?limit={XSS}"]
    for path in pages:
        page = browser.get(path).text
        assert "alert(" in page, path
        assert "<script>alert" not in page
        assert "<img" not in page
    body = {"email": XSS, "username": XSS, "password": PASSWORD}
    again = browser.post(USERS, body, headers={"x-csrftoken": token_of(browser.get(USERS).text)})
    assert again.status_code == 400
    assert f'value="{html.escape(XSS)}"' in again.text
    assert "<script>alert" not in again.text


QUERIES = {
    "/api/v1/": 1,  # session and user
    USERS: 2,
    ME: 1,
    PASSWORD_PAGE: 1,
    SESSIONS: 2,
    f"{AUTH}logout-all/": 1,
    f"{AUTH}token/": 0,
    f"{AUTH}password-reset/": 0,
}


@pytest.mark.parametrize(("path", "queries"), QUERIES.items())
def test_the_pages_cost_a_fixed_number_of_queries(
    browser, at_home, ada, django_assert_num_queries, path, queries
):
    until = Session.objects.get().expires_at
    for count in (1, 20):
        Session.objects.bulk_create(Session(user=ada, expires_at=until) for _ in range(count))
        with django_assert_num_queries(queries):
            assert browser.get(path).status_code == 200
