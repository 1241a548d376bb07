"""The admin of notes and tags in a real browser."""

from playwright.sync_api import expect

from tests.system.browser.admin.steps import NOTES, SURE, choose, make, row, run, said
from tests.system.client import new_name


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
        expect(page.locator("#content")).to_contain_text(f"{old}: 1 note of 1 user")
        choose(page, "form", new)
        page.get_by_role("button", name="Merge").click()
        said(page, f"Merged “{old}” into “{new}” on 1 note.")
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
