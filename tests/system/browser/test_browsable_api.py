"""The browsable API by clicking alone: only what is linked, in a form or a button can be done."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.system.client import User

API, NOTES, USERS, ME = "/api/v1/", "/api/v1/notes/", "/api/v1/users/", "/api/v1/users/me/"
XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def page(window, sign_in, client):
    with window() as page:
        sign_in(page, client.user, NOTES)
        yield page


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


def test_a_note_from_its_first_word_to_its_end(page, client):
    write(page, "Plan", "one", 'Work, "x, y"')
    path = urlsplit(page.url).path
    send(page, "PUT", content="two")
    expect_status(page, 200)
    note = client.get(path).json()
    assert (note["title"], note["content"], note["tags"]) == ("Plan", "two", ["work", "x, y"])
    # Again from the page that came, which has the new state.
    send(page, "PUT", content="three")
    expect_status(page, 200)
    expect(form(page, "PUT").locator('[name="content"]')).to_have_value("three")

    press(page, page.get_by_role("button", name="Archive", exact=True))
    expect_status(page, 200)
    assert client.get(path).json()["is_archived"]
    follow(page, "The note")
    press(page, page.get_by_role("button", name="Unarchive"))
    expect_status(page, 200)
    assert not client.get(path).json()["is_archived"]

    follow(page, "Versions")
    follow(page, "1: Plan")
    press(page, page.get_by_role("button", name="Restore"))
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "one"

    follow(page, "The note")
    delete(page)
    follow(page, "Trash")
    follow(page, "Plan")
    press(page, page.get_by_role("button", name="Restore"))
    expect_status(page, 200)
    follow(page, "The note")
    delete(page)
    follow(page, "Trash")
    follow(page, "Plan")
    delete(page)
    follow(page, "Trash")
    delete(page)
    assert client.get("/api/v1/trash/").json()["results"] == []


def delete(page, status=204):
    if not page.get_by_role("button", name="Delete", exact=True).is_visible():
        page.get_by_text("DELETE", exact=True).click()
    press(page, page.get_by_role("button", name="Delete", exact=True))
    expect_status(page, status)


def test_a_conflict_is_said_and_nothing_is_lost(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    client.patch(path, json={"content": "of another tab"})
    send(page, "PUT", content="typed here")
    expect_problem(page, "412 Precondition Failed")
    assert client.get(path).json()["content"] == "of another tab"
    expect(form(page, "PUT").locator('[name="content"]')).to_have_value("typed here")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="What it is now").click()
    expect(opened.value.locator("pre")).to_contain_text("of another tab")
    opened.value.close()
    send(page, "PUT")
    expect_problem(page, "412 Precondition Failed")
    form(page, "PUT").get_by_label("If-Match").fill("")
    send(page, "PUT")
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "typed here"


def test_what_was_changed_meanwhile_is_not_deleted(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    client.patch(path, json={"content": "two"})
    delete(page, 412)
    expect_problem(page, "412 Precondition Failed")
    assert client.get(path).status_code == 200


def test_what_is_wrong_is_said_at_the_field(page, client):
    send(page, "POST", title="t" * 501, content="kept", tags="a, b")
    expect_problem(page, "/title")
    title = form(page, "POST").locator('[name="title"]')
    expect(title).to_have_accessible_description(re.compile("no more than 500"))
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(form(page, "POST").locator('[name="content"]')).to_have_value("kept")
    send(page, "POST", title="Short")
    expect_status(page, 201)
    assert client.get(NOTES).json()["results"][0]["tags"] == ["a", "b"]


def test_a_document_by_its_choice(page, client):
    form(page, "POST").get_by_label("Content format").select_option("blocks")
    send(page, "POST", title="Blocks", content='{"type": "doc", "blocks": 1}')
    expect_problem(page, "/content/blocks")
    send(page, "POST", content='{"type": "doc", "version": 1, "blocks": []}')
    expect_status(page, 201)
    (note,) = client.get(NOTES).json()["results"]
    assert note["content_format"] == "blocks"


def test_raw_data(page, client):
    raw(page, "POST", '{"title": ')
    expect_problem(page, "400 Bad Request")
    expect(page.locator("#post__content")).to_have_value('{"title": ')
    raw(page, "POST", '{"title": "Raw"}')
    expect_status(page, 201)
    follow(page, "Raw")
    raw(page, "PATCH", '{"tags": ["red"]}')
    expect_status(page, 200)
    follow(page, "Notes")
    follow(page, "Several at once")
    page.get_by_label("Idempotency-Key").fill("a-key")
    for _ in range(2):
        raw(page, "POST", '{"operations": [{"op": "create", "title": "once"}]}')
        expect_status(page, 200)
        page.get_by_label("Idempotency-Key").fill("a-key")
    titles = [note["title"] for note in client.get(NOTES).json()["results"]]
    assert sorted(titles) == ["Raw", "once"]


def test_filters_and_pages(page, client):
    for number in range(3):
        client.post(NOTES, json={"title": f"Apple {number}", "tags": ["fruit", f"n{number}"]})
    client.post(NOTES, json={"title": "Pear"})
    page.reload()
    rows = page.locator(".rows a")
    expect(rows).to_have_count(4)
    page.get_by_text("Filters").click()
    page.get_by_label("Search").fill("appl")
    page.get_by_label("Order").select_option("title")
    page.get_by_label("Notes on a page").fill("2")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_text(["Apple 0", "Apple 1"])
    follow(page, "Next page")
    expect(rows).to_have_text(["Apple 2"])
    follow(page, "Previous page")
    expect(rows).to_have_text(["Apple 0", "Apple 1"])
    page.get_by_text("Filters").click()
    page.get_by_label("Notes created before this time").fill("yesterday")
    page.get_by_role("button", name="Filter").click()
    expect_problem(page, "created_before")
    page.get_by_text("Filters").click()
    expect(page.get_by_label("Search")).to_have_value("appl")
    follow(page, "Tags")
    page.get_by_text("Filters").click()
    page.get_by_label("Begins with").fill("n")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_text(["n0", "n1", "n2"])


def test_a_tag(page, client):
    write(page, "Plan", tags="colour")
    follow(page, "Tag colour")
    follow(page, "Dry run")
    send(page, "PATCH", name="farbe")
    expect_status(page, 200)
    follow(page, "Tags")
    follow(page, "colour")
    send(page, "PATCH", name="farbe")
    expect_status(page, 200)
    follow(page, "Its notes")
    expect(page.locator(".rows a")).to_have_text(["Plan"])
    follow(page, "Tags")
    follow(page, "farbe")
    delete(page, 200)
    assert client.get("/api/v1/tags/").json()["results"] == []


def test_export_and_import(page, client, tmp_path):
    write(page, "Kept", "text", "red")
    follow(page, "Notes")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as Markdown").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.faults.clear()  # a request whose answer became a file
    follow(page, "Kept")
    delete(page)
    follow(page, "Trash")
    delete(page)
    follow(page, "Notes")
    follow(page, "Import")
    send(page, "POST")
    expect_problem(page, "/file")
    for dry_run, count in ((True, 0), (False, 1)):
        page.get_by_label("File").set_input_files(file)
        page.get_by_label("Dry run").set_checked(dry_run)
        send(page, "POST")
        expect_status(page, 200)
        assert len(client.get(NOTES).json()["results"]) == count


def test_an_account_from_registering_to_the_end(window):
    user = User()
    with window() as page:
        from_root(page, USERS)
        send(page, "POST", email=user.email, username=user.username, password="short")
        expect_problem(page, "/password")
        expect(form(page, "POST").locator('[name="username"]')).to_have_value(user.username)
        send(page, "POST", password=user.password)
        expect_status(page, 201)
        follow(page, "Sign in")
        enter(page, user)
        page.wait_for_url(f"**{USERS}")
        follow(page, user.username)
        expect(page.locator("pre")).to_contain_text(user.email)

        follow(page, "You")
        send(page, "PATCH", username="")
        expect_problem(page, "/username")
        send(page, "PATCH", username=f"{user.username}-2")
        expect_status(page, 200)
        follow(page, "Export")
        expect(page.locator("pre")).to_contain_text("audit_log")
        follow(page, "You")
        follow(page, "Password")
        send(page, "POST", current_password="wrong", new_password="battery staple 7")
        expect_problem(page, "/current_password")
        send(page, "POST", current_password=user.password, new_password="battery staple 7")
        expect_status(page, 204)
        follow(page, "Sessions")
        expect(page.locator(".rows a")).to_have_count(1)

        follow(page, "You")
        page.get_by_text("DELETE", exact=True).click()
        password = page.locator('form[data-method="DELETE"]').get_by_label("Password")
        password.fill("wrong")
        delete(page, 403)
        expect_problem(page, "/password")
        expect(password).to_have_value("wrong")
        password.fill("battery staple 7")
        delete(page)
        page.goto(ME)
        page.wait_for_url("**/login/**")


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


def test_tokens(window, api):
    user = api.register()
    with window() as page:
        from_root(page, "/auth/token/")
        send(page, "POST", username=user.username, password="wrong")
        expect_problem(page, "401 Unauthorized")
        send(page, "POST", password=user.password)
        refresh = re.search(r'"refresh": "([^"]+)"', answer(page))[1]
        from_root(page, "/token/refresh/")
        send(page, "POST", refresh=refresh)
        refresh = re.search(r'"refresh": "([^"]+)"', answer(page))[1]
        from_root(page, "/auth/logout/")
        send(page, "POST", refresh=refresh)
        expect_status(page, 204)
        from_root(page, "/token/refresh/")
        send(page, "POST", refresh=refresh)
        expect_problem(page, "401 Unauthorized")


@pytest.mark.parametrize("what", ["password-reset", "email-verification"])
def test_mails(window, api, what):
    user = api.register()
    with window() as page:
        from_root(page, f"/{what}/")
        send(page, "POST", email=user.email)
        expect_status(page, 202)
        from_root(page, f"/{what}/confirm/")
        new = {"new_password": "battery staple 7"} if what == "password-reset" else {}
        send(page, "POST", token="no token", **new)
        expect_problem(page, "/token")
        expect(form(page, "POST").locator('[name="token"]')).to_have_value("no token")


def test_sessions_are_ended(page, client, api):
    api.sign_in(client.user)
    follow(page, "Sessions")
    expect(page.locator(".rows a")).to_have_count(3)
    page.locator(".rows a").filter(has_not_text="this one").first.click()
    delete(page)
    follow(page, "Sessions")
    expect(page.locator(".rows a")).to_have_count(2)
    follow(page, "Sign out everywhere")
    send(page, "POST")
    expect_status(page, 204)
    follow(page, "You")
    page.wait_for_url("**/login/**")
    assert client.get(ME).status_code == 401


@pytest.mark.parametrize("path", [NOTES, ME])
def test_signing_out(page, path):
    page.goto(path)
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/login/**")
    page.goto(path)
    page.wait_for_url("**/login/**")


def test_an_expired_token_is_renewed_while_the_session_lives(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    page.context.clear_cookies(name="access_token")
    page.evaluate("sessionStorage.clear()")
    send(page, "PUT", content="two")
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "two"


def test_nothing_is_lost_where_the_session_has_ended(page, client):
    write(page, "Plan", "one")
    path = urlsplit(page.url).path
    page.context.clear_cookies(name=re.compile("access_token|users_session"))
    page.evaluate("sessionStorage.clear()")
    send(page, "PUT", content="two")
    expect_problem(page, "401 Unauthorized")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in beside this page").click()
    enter(opened.value, client.user)
    opened.value.wait_for_url(f"**{API}")
    opened.value.close()
    send(page, "PUT")
    expect_status(page, 200)
    assert client.get(path).json()["content"] == "two"


def test_without_a_connection_nothing_is_lost(page):
    page.context.set_offline(True)
    send(page, "POST", title="Plan")
    expect(page.get_by_role("alert")).to_contain_text("There is no answer")
    page.faults.clear()
    page.context.set_offline(False)
    send(page, "POST")
    expect_status(page, 201)


def test_without_scripts(window, sign_in, client):
    with window(java_script_enabled=False) as page:
        sign_in(page, client.user, NOTES)
        form(page, "POST").get_by_label("Title").fill("By hand")
        form(page, "POST").get_by_role("button", name="POST").click()
        expect_status(page, 201)
        follow(page, "By hand")
        page.get_by_role("button", name="Archive", exact=True).click()
        page.wait_for_url("**/archive/")
    (note,) = client.get(f"{NOTES}?archived=true").json()["results"]
    assert note["title"] == "By hand"


def test_from_the_keyboard(page, client):
    page.goto(NOTES)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_be_focused()
    form(page, "POST").locator('[name="title"]').focus()
    page.keyboard.type("By keys")
    page.keyboard.press("Enter")
    expect_status(page, 201)
    follow(page, "By keys")
    page.get_by_text("DELETE", exact=True).focus()
    for key in ("Enter", "Tab", "Enter"):
        page.keyboard.press(key)
    expect_status(page, 204)
    assert client.get(NOTES).json()["results"] == []


def test_text_is_inert(page, client):
    dialogs = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
    write(page, XSS, XSS, f'"{XSS}"')
    path = urlsplit(page.url).path
    send(page, "PUT", content=f"{XSS} again")
    expect_status(page, 200)
    client.headers["User-Agent"] = XSS
    client.post("/api/v1/auth/token/", json=client.user.credentials)
    paths = [NOTES, path, f"{path}versions/", f"{path}versions/1/", "/api/v1/tags/"]
    for each in [*paths, f"{NOTES}?q=script", "/api/v1/auth/sessions/"]:
        page.goto(each)
        expect(page.locator("pre")).to_contain_text("alert(1)")
        assert page.locator("main script, main img").count() == 0
    page.goto(f"{NOTES}?limit={XSS}")
    expect_problem(page, "limit")
    send(page, "POST", title=XSS * 10, content=XSS, tags=XSS)
    expect_problem(page, "/title")
    assert page.locator("main script, main img").count() == 0
    assert dialogs == []


def test_every_page_is_accessible_in_both_themes_and_fits_a_phone(page, client, assert_accessible):
    note = client.post(NOTES, json={"title": "Plan", "content": "one", "tags": ["red"]}).json()
    path = f"{NOTES}{note['id']}/"
    client.patch(path, json={"content": "x" * 200})
    gone = client.post(NOTES, json={"title": "Gone"}).json()["id"]
    client.delete(f"{NOTES}{gone}/")
    session = client.get("/api/v1/auth/sessions/").json()["results"][0]["id"]
    auth = "/api/v1/auth/"
    pages = [API, NOTES, f"{NOTES}?q=plan&limit=1", path, f"{path}versions/", f"{path}versions/1/"]
    pages += [f"{path}archive/", f"{NOTES}bulk/", f"{NOTES}import/", "/api/v1/trash/"]
    pages += [f"/api/v1/trash/{gone}/", "/api/v1/tags/", "/api/v1/tags/red/", USERS, ME]
    pages += [f"{USERS}{client.user.id}/", f"{ME}password/", f"{ME}export/", f"{auth}sessions/"]
    pages += [f"{auth}sessions/{session}/", f"{auth}logout-all/", f"{auth}token/"]
    pages += [f"{auth}password-reset/confirm/"]
    for each in pages:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(each)
        page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
        assert_accessible(page)
        page.set_viewport_size({"width": 320, "height": 640})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, (each, width)
    send_wrong(page)
    assert_accessible(page)


def send_wrong(page):
    page.goto(NOTES)
    send(page, "POST", title="t" * 501)
    expect_problem(page, "/title")
