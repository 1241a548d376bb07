"""Who makes a request, by the browser's cookie."""

import re

import pytest
from rest_framework.test import APIClient

from tests.notes.test_authentication import NOTES, assert_refused
from users.models import User

pytestmark = pytest.mark.django_db


class TestCookie:
    @pytest.fixture
    def browser(self, issuer, ada):
        client = APIClient(enforce_csrf_checks=True, headers={"accept": "application/json"})
        client.cookies["access_token"] = issuer.token(ada)
        return client

    def test_it_signs_in_for_reading(self, browser):
        assert browser.get(NOTES).status_code == 200

    def test_writing_needs_a_csrf_token(self, browser):
        response = browser.post(NOTES, {"title": "a"})
        assert response.status_code == 403
        assert response["Content-Type"] == "application/problem+json"
        page = browser.get(NOTES, headers={"accept": "text/html"}).content.decode()
        token = re.search(r'"csrfToken": "(\w+)"', page)[1]
        assert (
            browser.post(NOTES, {"title": "a"}, headers={"x-csrftoken": "x" * 64}).status_code
            == 403
        )
        assert (
            browser.post(NOTES, {"title": "a"}, headers={"x-csrftoken": token}).status_code == 201
        )

    def test_the_header_goes_first_and_needs_no_csrf_token(self, browser, issuer, bob):
        headers = {"authorization": f"Bearer {issuer.token(bob)}"}
        assert browser.post(NOTES, {"title": "bob's"}, headers=headers).status_code == 201
        assert User.objects.get().username == "bob"

    def test_a_wrong_header_is_not_made_good_by_the_cookie(self, browser):
        assert_refused(browser.get(NOTES, headers={"authorization": "Bearer x"}))

    def test_another_scheme_leaves_it_to_the_cookie(self, browser):
        assert browser.get(NOTES, headers={"authorization": "Basic YTpi"}).status_code == 200


class TestBrowserWithoutToken:
    html = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    def test_a_page_is_redirected_to_the_login_page_and_back(self, issuer):
        response = APIClient(headers=self.html).get(f"{NOTES}?tag=a%26b&limit=5")
        assert response.status_code == 302
        assert response["Location"] == "/login/?next=/api/v1/notes/%3Ftag%3Da%2526b%26limit%3D5"

    def test_also_with_a_cookie_that_has_expired(self, issuer, ada):
        client = APIClient(headers=self.html)
        client.cookies["access_token"] = issuer.token(ada, exp=1)
        assert client.get(NOTES).status_code == 302

    def test_but_nothing_else_is(self, issuer):
        assert APIClient(headers=self.html).post(NOTES, {"title": "a"}).status_code == 401
        assert_refused(APIClient(headers={"accept": "application/json"}).get(NOTES))
        assert_refused(APIClient(headers={"accept": "*/*"}).get(NOTES))
