"""The admin of users in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.system.browser.admin.steps import (
    SURE,
    USERS,
    run,
    said,
)
from tests.system.client import User, new_name


class TestUsers:
    def test_one_is_added_changed_and_deleted(self, page, api, users_sql):
        name = new_name()
        page.goto(f"{USERS}accounts/user/add/")
        page.get_by_label("Username:").fill(name)
        page.get_by_label("E-mail address").fill(f"{name}@mailbox.example")
        user = User(name)
        page.get_by_label("Password:").fill(user.password)
        page.get_by_label("Password confirmation:").fill(user.password)
        page.get_by_role("button", name="Save", exact=True).click()
        said(page, "was added successfully")
        user.id = str(users_sql("SELECT id FROM users WHERE username = %s", [name])[0][0])
        page.locator(".messagelist").get_by_role("link", name=name).click()
        expect(page.locator(".field-outbox")).to_contain_text(re.compile("Nothing waits|created"))
        user.username = new_name()
        page.get_by_label("Username:").fill(user.username)
        page.get_by_role("button", name="Save and continue editing").click()
        said(page, "was changed successfully")
        api.sign_in(user)
        page.get_by_role("link", name="Set another one").click()
        user.password = User().password
        page.get_by_label("Password:").fill(user.password)
        page.get_by_label("Password confirmation:").fill(user.password)
        page.get_by_role("button", name="Change password").click()
        said(page, "Password changed successfully.")
        client = api.sign_in(user)
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name=SURE).click()
        said(page, "was deleted successfully")
        assert client.get("/api/v1/users/me/").status_code == 401

    @pytest.mark.parametrize(
        ("action", "text", "may_sign_in"),
        [
            ("Deactivate, and sign out everywhere", "Deactivated: 1.", False),
            ("Sign out everywhere", "Signed out: 1.", True),
        ],
    )
    def test_actions(self, page, api, client, action, text, may_sign_in):
        user = client.user
        page.goto(f"{USERS}accounts/user/?q={user.username}")
        run(page, action, user.id)
        said(page, text)
        assert client.get("/api/v1/users/me/").status_code == 401
        answer = api.post("/api/v1/auth/token/", json=user.credentials)
        assert (answer.status_code == 200) == may_sign_in
        page.goto(f"{USERS}audit/entry/?q={user.id}")
        expect(page.locator("#result_list")).to_contain_text("admin")

    def test_a_group_is_made_with_its_rights(self, page, users_sql):
        name = new_name()
        page.goto(f"{USERS}auth/group/add/")
        page.get_by_label("Name:").fill(name)
        page.locator("#id_permissions_from option", has_text="Can view user").first.dblclick()
        page.get_by_role("button", name="Save", exact=True).click()
        said(page, "was added successfully")
        users_sql(
            "DELETE FROM auth_group_permissions USING auth_group AS g WHERE g.id = group_id"
            " AND name = %s",
            [name],
        )
        users_sql("DELETE FROM auth_group WHERE name = %s", [name])
