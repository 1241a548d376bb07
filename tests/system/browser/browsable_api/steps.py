"""What somebody does on the pages of the browsable API: what is linked, in a form or a button."""

from playwright.sync_api import expect

API, NOTES, USERS, ME = "/api/v1/", "/api/v1/notes/", "/api/v1/users/", "/api/v1/users/me/"
XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>"


def form(page, method):
    return page.locator(f'form[data-method="{method}"][enctype]')


def raw(page, method, text):
    """Sends this as it is."""
    details = page.get_by_role("region", name=method, exact=True).locator("details")
    if not details.evaluate("details => details.open"):
        details.get_by_text("Raw data").click()
    details.get_by_label("Content").fill(text)
    press(page, details.get_by_role("button", name=method))


def send(page, method, **fields):
    """Fills the form in, by the fields' names, and sends it."""
    for name, value in fields.items():
        form(page, method).locator(f'[name="{name}"]').fill(value)
    press(page, form(page, method).get_by_role("button", name=method))


def press(page, button):
    """Waits for the answer, which is then focused."""
    button.click()
    expect(page.locator("#answer")).to_be_focused()


def expect_status(page, status):
    expect(page.locator("#answer pre")).to_contain_text(f"HTTP {status}")


def expect_problem(page, text):
    """Also that the browser has told of it, and of nothing else."""
    expect(page.get_by_role("alert")).to_contain_text(text)
    told = "the server responded with a status of"
    assert [fault for fault in page.faults if told not in fault] == []
    page.faults.clear()


def follow(page, name):
    with page.expect_navigation():
        page.get_by_role("link", name=name, exact=True).first.click()


def write(page, title, content="", tags=""):
    """Leads to the page of the note."""
    follow(page, "Notes")
    send(page, "POST", title=title, content=content, tags=tags)
    expect_status(page, 201)
    follow(page, title)
    expect(page.get_by_label("If-Match").first).not_to_have_value("")


def delete(page, status=204):
    if not page.get_by_role("button", name="Delete", exact=True).is_visible():
        page.get_by_text("DELETE", exact=True).click()
    press(page, page.get_by_role("button", name="Delete", exact=True))
    expect_status(page, status)


def enter(page, user):
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(user.password)
    page.get_by_role("button", name="Sign in").click()


def from_root(page, path):
    page.goto(API)
    with page.expect_navigation():
        page.locator(f'pre a[href$="{path}"]').click()


def answer(page):
    expect_status(page, 200)
    return page.locator("#answer pre").inner_text()


def send_wrong(page):
    page.goto(NOTES)
    send(page, "POST", title="t" * 501)
    expect_problem(page, "/title")
