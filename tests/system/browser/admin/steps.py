"""What staff does on the pages of the admin."""

import re

from playwright.sync_api import expect

USERS, NOTES = "/admin/users/", "/admin/notes/"
SURE = re.compile("Yes, I.m sure")
# What Chromium remarks on Django's own page of a password: its name is without `autocomplete`.
REMARKS = ("[DOM] Input elements should have autocomplete attributes",)
XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>'\""


def make(client, **fields):
    return client.post("/api/v1/notes/", json=fields).json()


def row(page, key):
    """The row of the list that has this key."""
    return page.locator("#result_list tr").filter(has=page.locator(f'input[value="{key}"]'))


def run(page, action, *keys):
    """Chooses rows of the list and does this with them."""
    for key in keys:
        row(page, key).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label=action)
    page.get_by_role("button", name="Go").click()


def said(page, text):
    expect(page.locator(".messagelist")).to_contain_text(text)


def choose(page, field, text, kind="combobox"):
    """Finds one in a field that asks the server, by the keyboard alone."""
    page.locator(f"{field} .select2").get_by_role(kind).focus()
    options = page.locator(".select2-results__option[aria-selected]")
    if kind == "combobox":
        page.keyboard.press("Enter")
        options.first.wait_for()  # what is typed before they are there ends that request
    page.keyboard.insert_text(text)
    expect(options).to_have_text([text])
    page.keyboard.press("Enter")
