"""The admin of both projects in a real browser: each action, keyboard, accessibility."""

import json
import re
import secrets
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from devstack import admin
from tests.system.client import User, new_name

USERS, NOTES = "/admin/users/", "/admin/notes/"
SURE = re.compile("Yes, I.m sure")
# What Chromium remarks on Django's own pages: some give the focus away more than once, and the one
# of a password has a name without `autocomplete`.
REMARKS = ("Autofocus", "[DOM] Input elements should have autocomplete attributes")
XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>'\""


@pytest.fixture
def manager(stack):
    return User(admin.USERNAME, password=admin.password_file(stack.folder).read_text().strip())


@pytest.fixture
def page(window, sign_in, manager):
    with window() as page:
        sign_in(page, manager, NOTES)
        yield page
        page.faults[:] = [fault for fault in page.faults if not fault.startswith(REMARKS)]


@pytest.fixture
def client(api):
    """Somebody with notes."""
    return api.sign_in()


@pytest.fixture
def letter(notes_sql):
    """One that nobody can read."""
    ((key,),) = notes_sql(
        'INSERT INTO dead_letters (topic, partition, "offset", key, value, headers, reason)'
        " VALUES ('user-events', 0, %s, %s, %s, %s, %s) RETURNING id",
        [secrets.randbits(60), XSS.encode(), XSS.encode(), json.dumps([[XSS, None]]), XSS],
    )
    yield key
    notes_sql("DELETE FROM dead_letters WHERE id = %s", [key])


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


class TestNotes:
    def test_one_is_added_changed_and_deleted(self, page, client):
        tag = new_name()
        make(client, title="other", tags=[tag])
        page.goto(f"{NOTES}notes/note/")
        page.get_by_role("link", name="Add note").click()
        choose(page, ".field-user", client.user.username)
        page.get_by_label("Title:").fill("Added")
        page.get_by_label("Content:").fill("<b>text</b>")
        choose(page, ".field-tag_choice", tag, "searchbox")
        page.get_by_role("button", name="Save", exact=True).click()
        said(page, "was added successfully")
        added = client.get("/api/v1/notes/?q=added").json()["results"][0]
        assert (added["title"], added["excerpt"], added["tags"]) == ("Added", "<b>text</b>", [tag])

        page.locator(".messagelist").get_by_role("link", name="Added").click()
        page.get_by_label("Title:").fill("Changed")
        page.get_by_role("button", name="Save and continue editing").click()
        said(page, "was changed successfully")
        expect(page.locator(".field-former_states summary")).to_contain_text("Added")
        page.get_by_role("link", name="History").click()
        expect(page.locator("#change-history")).to_contain_text("Changed Title")
        page.go_back()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name=SURE).click()
        said(page, "was deleted successfully")
        assert client.get(f"/api/v1/notes/{added['id']}/").status_code == 404

    def test_those_that_are_selected_are_archived_brought_back_exported_deleted(self, page, client):
        notes = [make(client, title=f"Plan {number}") for number in range(3)]
        keys = [note["id"] for note in notes[:2]]
        page.goto(f"{NOTES}notes/note/?q={client.user.id}")
        expect(page.locator("#result_list tbody tr")).to_have_count(3)
        run(page, "Archive the selected notes", *keys)
        said(page, "Archived: 2.")
        archived = [
            client.get(f"/api/v1/notes/{note['id']}/").json()["is_archived"] for note in notes
        ]
        assert archived == [True, True, False]
        run(page, "Bring the selected notes back", *keys)
        said(page, "Brought back: 2.")
        with page.expect_download() as download:
            run(page, "Export the selected notes", keys[0])
        assert "Plan 0" in download.value.path().read_text()
        page.goto(f"{NOTES}notes/note/?q={client.user.id}")
        run(page, "Delete selected notes", *keys)
        page.get_by_role("button", name=SURE).click()
        said(page, "Successfully deleted 2 notes.")
        left = client.get("/api/v1/notes/").json()["results"]
        assert [note["id"] for note in left] == [notes[2]["id"]]

    def test_the_filters(self, page, client):
        key = make(client, title="Kept", tags=[new_name()])["id"]
        gone = make(client, title="Trashed")["id"]
        client.delete(f"/api/v1/notes/{gone}/")
        page.goto(f"{NOTES}notes/note/?q={client.user.id}")
        filters = page.get_by_role("navigation", name="Filter")
        filters.get_by_role("link", name="In the trash", exact=True).click()
        expect(row(page, gone)).to_be_visible()
        expect(row(page, key)).to_have_count(0)
        filters.get_by_role("link", name="Not in the trash").click()
        expect(row(page, key)).to_be_visible()
        filters.get_by_role("link", name="Today").click()
        expect(row(page, key)).to_be_visible()


class TestTags:
    def test_they_are_merged_after_a_question(self, page, client):
        old, new = sorted((new_name(), new_name()))
        key = make(client, title="Plan", tags=[old])["id"]
        make(client, title="Other", tags=[new])
        page.goto(f"{NOTES}notes/tag/?q={old}")
        page.locator("#result_list").get_by_role("checkbox").last.check()
        run(page, "Merge the selected tags into one")
        expect(page.locator("#content")).to_contain_text(f"{old}: 1 notes of 1 users")
        choose(page, "form", new)
        page.get_by_role("button", name="Merge").click()
        said(page, f"Merged “{old}” into “{new}” on 1 notes.")
        assert client.get(f"/api/v1/notes/{key}/").json()["tags"] == [new]

    def test_one_that_no_note_has_is_made_renamed_found_and_deleted(self, page):
        name = new_name()
        page.goto(f"{NOTES}notes/tag/add/")
        page.get_by_label("Name:").fill(f" {name}  ONE")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.get_by_label("Name:")).to_have_value(f"{name} one")
        page.get_by_label("Name:").fill(name)
        page.get_by_role("button", name="Save", exact=True).click()
        said(page, "was changed successfully")
        page.goto(f"{NOTES}notes/tag/?used=no&q={name}")
        page.locator("#result_list").get_by_role("checkbox").last.check()
        run(page, "Delete those of the selected tags that no note has")
        said(page, "Deleted: 1.")


class TestInbox:
    @pytest.fixture
    def refused(self, api, notes_sql, wait_until):
        """Somebody whom notes_db did not take, and the dead letter; the cause is mended."""
        name = new_name()
        rule = f"CHECK (username <> '{name}')"
        notes_sql(f"ALTER TABLE users ADD CONSTRAINT refuse {rule} NOT VALID")
        try:
            user = api.register(username=name)
            find = "SELECT id FROM dead_letters WHERE key = %s"
            wait_until(lambda: notes_sql(find, [user.id.encode()]))
        finally:
            notes_sql("ALTER TABLE users DROP CONSTRAINT refuse")
        ((key,),) = notes_sql(find, [user.id.encode()])
        yield user, key
        notes_sql("DELETE FROM dead_letters WHERE id = %s", [key])

    def shadow_user(self, page, name):
        page.goto(f"{NOTES}users/user/?q={name}")
        return page.locator("#result_list").get_by_role("link", name=name)

    def test_a_dead_letter_is_replayed_and_its_user_appears(self, page, refused):
        user, key = refused
        expect(self.shadow_user(page, user.username)).to_have_count(0)
        page.goto(NOTES)
        page.locator("#content").get_by_role("link", name="Dead letters", exact=True).click()
        expect(row(page, key)).to_contain_text("the database refuses it: CheckViolation")
        run(page, "Replay the selected dead letters", key)
        said(page, "Replayed: 1.")
        expect(row(page, key)).to_contain_text("replayed")
        self.shadow_user(page, user.username).click()
        expect(page.locator(".field-id")).to_contain_text(user.id)
        expect(page.get_by_role("button", name="Save")).to_have_count(0)
        page.goto(f"{NOTES}inbox/eventlog/?q={user.id}")
        expect(page.locator("#result_list tbody tr")).to_contain_text("applied")

    def test_so_it_is_on_its_own_page(self, page, refused):
        user, key = refused
        page.goto(f"{NOTES}inbox/deadletter/{key}/change/")
        expect(page.locator(".field-verdict")).to_contain_text("It can be read now.")
        expect(page.locator(".field-decoded pre")).to_contain_text(f'"username": "{user.username}"')
        page.get_by_role("button", name="Replay").click()
        said(page, "Replayed: 1.")
        expect(self.shadow_user(page, user.username)).to_be_visible()

    def test_to_discard_asks_for_a_reason(self, page, letter):
        page.goto(f"{NOTES}inbox/deadletter/")
        run(page, "Discard the selected dead letters", letter)
        said(page, "Say why")
        page.get_by_label("Why (to discard):").fill("a test message")
        run(page, "Discard the selected dead letters", letter)
        said(page, "Discarded: 1.")
        page.goto(f"{NOTES}inbox/deadletter/{letter}/change/")
        expect(page.locator(".field-resolution_note")).to_contain_text("a test message")
        expect(page.get_by_role("button", name="Discard")).to_have_count(0)

    def test_with_the_keyboard_alone(self, page, letter):
        page.goto(f"{NOTES}inbox/deadletter/{letter}/change/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(10):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "reason":
                break
        page.keyboard.type("a test message")
        page.keyboard.press("Enter")
        said(page, "Discarded: 1.")

    def test_the_bytes_are_inert(self, page, letter):
        for path in ("", f"{letter}/change/", f"{letter}/history/"):
            page.goto(f"{NOTES}inbox/deadletter/{path}")
            expect(page.locator("#content")).to_contain_text("alert(1)")
            assert page.locator('#content script:not([src]), img[src="x"]').count() == 0

    def test_the_event_log_is_filtered(self, page, client, notes_sql, wait_until):
        find = "SELECT id FROM event_log WHERE user_id = %s"
        wait_until(lambda: notes_sql(find, [client.user.id]))
        page.goto(f"{NOTES}inbox/eventlog/?q={client.user.id}")
        rows = page.locator("#result_list tbody tr")
        expect(rows.first).to_contain_text("user.created.v1")
        filters = page.get_by_role("navigation", name="Filter")
        filters.get_by_role("link", name="user.deleted.v1").click()
        expect(rows).to_have_count(0)


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


class TestPipeline:
    @pytest.fixture
    def without_kafka(self, stack):
        @contextmanager
        def without_kafka():
            stack.kafka.stop()
            try:
                yield
            finally:
                stack.kafka.start()
                stack.kafka.wait_ready()

        return without_kafka

    def test_each_shows_both_sides_and_follows(self, page, api, without_kafka):
        pages = page, page.context.new_page()
        for each, site in zip(pages, (USERS, NOTES), strict=True):
            each.goto(site)
            each.locator("#content").get_by_role("link", name="Pipeline", exact=True).click()
            self.expect_nothing_waits(each)
            expect(each.locator("#inbox figure")).to_have_count(3)
        with without_kafka():
            user = api.register()
            for each in pages:
                outbox, inbox = each.locator("#outbox"), each.locator("#inbox")
                expect(outbox).to_contain_text("Rows that wait: 1")
                expect(inbox).to_contain_text("How much waits is not known")
                assert outbox.locator("rect").count() == 1
        for each in pages:
            self.expect_nothing_waits(each)
            event = each.locator("#inbox tbody tr", has_text=user.id)
            expect(event).to_contain_text("user.created.v1")

    def expect_nothing_waits(self, page):
        expect(page.locator("#outbox")).to_contain_text("Nothing waits in the outbox.")
        expect(page.locator("#inbox")).to_contain_text("all that was sent is applied")

    def test_what_is_open_stays_so_and_the_box_stops_it(self, page):
        page.clock.install()
        page.goto(f"{NOTES}pipeline/")
        inbox = page.locator("#inbox")
        # The part of the other service is fetched at once.
        expect(page.locator("#outbox h2")).to_be_visible(timeout=30_000)
        inbox.locator("summary").last.click()
        page.locator("body").evaluate("body => document.activeElement.blur()")
        inbox.locator("h2").first.evaluate("heading => heading.remove()")
        page.clock.fast_forward(10_000)
        expect(inbox.locator("h2")).to_have_count(2)
        expect(inbox.locator("details[open]")).to_have_count(1)
        page.get_by_label("Draw it anew").uncheck()
        inbox.locator("h2").first.evaluate("heading => heading.remove()")
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.fast_forward(10_000)
        page.evaluate("() => fetch('/healthz').then(() => 0)")
        assert len(asked) == 1
        expect(inbox.locator("h2")).to_have_count(1)

    def test_it_says_where_the_session_has_ended(self, page):
        page.clock.install()
        page.goto(f"{NOTES}pipeline/")
        expect(page.locator("#outbox h2")).to_be_visible(timeout=30_000)
        page.context.clear_cookies()
        page.clock.fast_forward(10_000)
        expect(page.locator("#follow")).to_contain_text("Not drawn anew: you are signed out.")
        expect(page.locator("#inbox h2")).to_have_count(2)

    def test_without_scripts(self, window, sign_in, manager):
        with window(java_script_enabled=False) as page:
            sign_in(page, manager, NOTES)
            page.locator("#content").get_by_role("link", name="Pipeline", exact=True).click()
            expect(page.locator("#inbox figure")).to_have_count(3)
            expect(page.locator("#follow")).to_be_hidden()
            page.get_by_role("link", name="What waits in the outbox").click()
            expect(page.locator("#outbox h2")).to_be_visible(timeout=30_000)


def test_every_page_is_accessible_in_both_themes(
    page, client, letter, users_sql, notes_sql, assert_accessible, wait_until
):
    key = make(client, title=XSS, content=XSS, tags=[new_name()])["id"]
    user = client.user.id
    find = "SELECT id FROM event_log WHERE user_id = %s"
    wait_until(lambda: notes_sql(find, [user]))
    event = notes_sql(find, [user])[0][0]
    ((entry,),) = users_sql("SELECT min(id) FROM audit_log")
    pages = [
        *(f"{NOTES}{path}" for path in ("", "notes/", "notes/note/", "notes/tag/", "users/user/")),
        *(f"{NOTES}notes/note/{path}" for path in ("add/", f"{key}/change/", f"{key}/delete/")),
        *(f"{NOTES}notes/note/{path}" for path in (f"{key}/history/", "?q=nobody", "?trash=yes")),
        *(f"{NOTES}{path}" for path in ("notes/tag/add/", f"users/user/{user}/change/")),
        *(f"{NOTES}inbox/eventlog/{path}" for path in ("", f"{event}/change/")),
        *(f"{NOTES}inbox/deadletter/{path}" for path in ("", f"{letter}/change/")),
        *(f"{USERS}{path}" for path in ("", "accounts/user/", "accounts/user/add/")),
        *(f"{USERS}accounts/user/{user}/{path}/" for path in ("change", "password", "delete")),
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
