"""What arrived and what did not, and the way of the events, in a real browser."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.system.browser.admin.steps import NOTES, USERS, row, run, said
from tests.system.client import new_name


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
