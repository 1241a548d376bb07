"""Who may use the admin."""

from dataclasses import replace

import pytest
from django.test import Client

from tests.notes.issuer import START
from tests.notes.test_admin import ADMIN, get
from users import gate
from users.models import User

pytestmark = pytest.mark.django_db


class TestAccess:
    @pytest.mark.parametrize("path", ["", "notes/note/", "users/user/"])
    def test_without_a_token_it_leads_to_the_login_page(self, issuer, path):
        response = Client(headers={"accept": "text/html"}).get(ADMIN + path, follow=True)
        target = f"/login/?next={ADMIN}{path}"
        assert response.redirect_chain[-1] == (target, 302)

    def test_whoever_is_not_staff_is_told_so_and_not_sent_round(self, issuer, ada):
        client = Client(headers={"accept": "text/html"})
        client.cookies["access_token"] = issuer.token(ada)
        response = client.get(ADMIN, follow=True)
        assert response.status_code == 403
        assert "You are signed in as ada, who may not use the admin. Sign out" in response.text
        assert '<a href="/">To the front page</a>' in response.text

    @pytest.mark.parametrize("staff", ["true", 1, False, None, "yes"])
    def test_staff_is_nothing_but_true(self, issuer, ada, staff):
        client = Client()
        client.cookies["access_token"] = issuer.token(ada, staff=staff)
        assert client.get(ADMIN).status_code == 302

    def test_rights_that_a_newer_version_may_have_taken_are_not_there(self, staff, bob):
        get(staff, "")
        User.objects.filter(id=bob.id).update(version=bob.version + 1)
        assert staff.get(ADMIN).status_code in (302, 403)

    def test_an_expired_or_forged_cookie_is_nobody(self, issuer, bob, staff):
        token = issuer.token(replace(bob, staff=True), exp=1)
        for cookie in (token, token[:-4] + "AAAA", "x", ""):
            staff.cookies["access_token"] = cookie
            assert staff.get(ADMIN).status_code == 302

    def test_an_inactive_user_is_nobody(self, staff, bob):
        get(staff, "")
        state = gate.UserState(bob.id, 2, "bob", False, START, START)
        gate.apply_states([state])
        assert staff.get(ADMIN).status_code == 302

    def test_without_keys_it_is_a_503(self, issuer, staff):
        issuer.status = 500
        response = staff.get(ADMIN)
        assert response.status_code == 503
        assert response["Retry-After"] == "5"

    def test_a_header_does_not_open_it(self, issuer, bob):
        token = issuer.token(replace(bob, staff=True))
        assert Client(headers={"authorization": f"Bearer {token}"}).get(ADMIN).status_code == 302

    def test_changing_needs_a_csrf_token(self, issuer, bob):
        client = Client(enforce_csrf_checks=True, headers={"accept": "text/html"})
        client.cookies["access_token"] = issuer.token(replace(bob, staff=True))
        assert client.post(f"{ADMIN}notes/tag/add/", {"name": "a"}).status_code == 403
