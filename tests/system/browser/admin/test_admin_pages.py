"""All pages of the admin."""

import pytest
from playwright.sync_api import expect

from tests.system.browser.admin.steps import NOTES, REMARKS, USERS, XSS, make
from tests.system.client import User, new_name


def test_every_page_is_accessible_in_both_themes(
    page, client, letter, users_sql, notes_sql, assert_accessible, wait_until
):
    key = make(client, title=XSS, content=XSS, tags=[new_name()])["id"]
    user = client.user.id
    find = "SELECT id FROM event_log WHERE user_id = %s"
    wait_until(lambda: notes_sql(find, [user]))
    event = notes_sql(find, [user])[0][0]
    ((entry,),) = users_sql("SELECT min(id) FROM audit_log")
    waiting = "INSERT INTO pending_addresses (email, username, password) VALUES (%s, %s, %s)"
    ((waiting,),) = users_sql(f"{waiting} RETURNING id", [User().email, f"new {XSS}", "!"])
    pages = [
        *(f"{NOTES}{path}" for path in ("", "notes/", "notes/note/", "notes/tag/", "users/user/")),
        *(f"{NOTES}notes/note/{path}" for path in ("add/", f"{key}/change/", f"{key}/delete/")),
        *(f"{NOTES}notes/note/{path}" for path in (f"{key}/history/", "?q=nobody", "?trash=yes")),
        *(f"{NOTES}{path}" for path in ("notes/tag/add/", f"users/user/{user}/change/")),
        *(f"{NOTES}inbox/eventlog/{path}" for path in ("", f"{event}/change/")),
        *(f"{NOTES}inbox/deadletter/{path}" for path in ("", f"{letter}/change/")),
        *(f"{USERS}{path}" for path in ("", "accounts/user/", "accounts/user/add/")),
        *(f"{USERS}accounts/user/{user}/{path}/" for path in ("change", "password", "delete")),
        *(f"{USERS}accounts/pendingaddress/{path}" for path in ("", f"{waiting}/change/")),
        *(f"{USERS}audit/entry/{path}" for path in ("", f"{entry}/change/")),
        *(f"{USERS}auth/group/{path}" for path in ("", "add/")),
        *(f"{USERS}{path}" for path in ("outbox/outboxevent/", "pipeline/")),
        f"{NOTES}pipeline/",
    ]
    faults = []  # all at once: a page takes a while
    for each in pages:
        page.goto(each)
        if each.endswith("pipeline/"):
            expect(page.locator("section h2")).to_have_count(3)
        assert not [fault for fault in page.faults if not fault.startswith(REMARKS)], each
        try:
            assert_accessible(page)
        except AssertionError as error:
            faults.append(str(error))
        page.faults.clear()  # axe asks for style sheets where none are
        assert page.locator('#content script:not([src]), img[src="x"]').count() == 0
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "path", [f"{NOTES}pipeline/", f"{USERS}pipeline/", f"{NOTES}inbox/eventlog/live/"]
)
def test_on_a_phone_a_table_scrolls_and_not_the_page(page, client, notes_sql, wait_until, path):
    find = "SELECT id FROM event_log WHERE user_id = %s"
    wait_until(lambda: notes_sql(find, [client.user.id]))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    expect(page.locator(".results td", has_text=client.user.id)).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    widths = page.locator(".results").evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert widths[0] > widths[1]
