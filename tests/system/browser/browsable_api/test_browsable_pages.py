"""All pages of the browsable API: without scripts, by the keyboard, for everybody."""

from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.system.browser.browsable_api.steps import (
    API,
    ME,
    NOTES,
    USERS,
    XSS,
    expect_problem,
    expect_status,
    follow,
    form,
    send,
    send_wrong,
    write,
)


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
