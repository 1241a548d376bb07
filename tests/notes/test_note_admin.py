"""Notes in the admin, which are those of everybody."""

import json
import re
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.admin_lists import CappedPaginator
from notes import admin
from notes.models import Note, Tag
from tests.notes.test_admin import ADMIN, get
from tests.notes.test_notes import make
from tests.plans import explained, rows_read

pytestmark = pytest.mark.django_db


class TestNotes:
    def fields(self, note, **changes):
        return {
            "user": str(note.user_id),
            "title": note.title,
            "content": note.content or "",
            "content_format": note.content_format,
            **changes,
        }

    def test_tags_are_chosen_and_changed(self, staff, api):
        make(api, title="Plan", tags=["a", "b"])
        note = Note.objects.get()
        url = f"notes/note/{note.id}/change/"
        page = get(staff, url)
        assert page.count("selected") >= 2
        new = Tag.objects.create(name="c")
        tags = [str(new.id), str(Tag.objects.get(name="a").id)]
        response = staff.post(ADMIN + url, self.fields(note, tag_choice=tags, title="Plan B"))
        assert response.status_code == 302, response.content
        assert sorted(tag.name for tag in note.tags.all()) == ["a", "c"]
        before, note = note, Note.objects.get()
        assert note.title == "Plan B"
        assert note.updated_at > before.updated_at
        assert LogEntry.objects.count() == 1

    def test_the_trash_is_a_filter(self, staff, api):
        make(api, title="living")
        api.delete(f"/api/v1/notes/{make(api, title='trashed')['id']}/")
        for choice, shown in (
            ("yes", ["trashed"]),
            ("no", ["living"]),
            ("", ["living", "trashed"]),
        ):
            page = get(staff, f"notes/note/?trash={choice}")
            assert [title for title in ("living", "trashed") if f">{title}</a>" in page] == shown

    def test_the_search_finds_by_ids_and_in_the_notes_of_a_user(self, staff, api, bobs_api, ada):
        mine = make(api, title="Plan", content="the garden")
        trashed = make(api, title="Garden wall")
        api.delete(f"/api/v1/notes/{trashed['id']}/")
        make(api, title="Untouched")
        make(bobs_api, title="Bob's garden")

        def found(line):
            page = get(staff, f"notes/note/?{urlencode({'q': line})}")
            titles = ("Plan", "Garden wall", "Untouched", "Bob&#x27;s garden")
            return [title for title in titles if f">{title}</a>" in page]

        assert found(mine["id"]) == ["Plan"]
        assert found(f" {str(ada.id).upper()} ") == ["Plan", "Garden wall", "Untouched"]
        assert found(f"{ada.id} gard") == ["Plan", "Garden wall"]
        assert found(f'{ada.id}  "the garden"') == ["Plan"]
        assert found(f"{ada.id} -garden untouched") == ["Untouched"]
        assert found("garden") == found(f"{ada.id} !") == found(f"{mine['id']} plan") == []
        assert "The first word is no id." in get(staff, "notes/note/?q=garden")
        assert "Give a letter or a digit" in get(staff, f"notes/note/?q={ada.id}%20!")

    def test_the_search_reads_what_it_finds_alone(self, staff, api, bobs_api, ada):
        make(api, content="rare word")
        make(bobs_api)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, title, content)"
                " SELECT id, 'many', 'common word' FROM users, generate_series(1, 2000)"
            )
            cursor.execute("ANALYZE notes, note_search, users")
            # As the planner does it where there are more: of so few it may as well read all.
            for way in ("seqscan", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        with explained() as plans:
            page = get(staff, f"notes/note/?q={ada.id}%20rare")
        assert "1 note" in page
        # Of the user's, 200 tell whether very many are hits.
        for table in ("notes", "note_search"):
            read = rows_read(plans, table)
            assert read, plans
            assert sum(read) < 250, plans

    def test_those_with_a_tag_are_what_its_count_leads_to(self, staff, api):
        make(api, title="with", tags=["a", "b"])
        make(api, title="without", tags=["b"])
        (url,) = re.findall(r'href="([^"]*notes/note/[^"]*)">1</a>', get(staff, "notes/tag/?q=a"))
        page = get(staff, url.removeprefix(ADMIN))
        assert [title for title in ("with", "without") if f">{title}</a>" in page] == ["with"]
        gone = get(staff, "notes/note/?tag=7f3c0000-0000-4000-8000-000000000001")
        assert "0 notes" in gone
        assert staff.get(f"{ADMIN}notes/note/?tag=x").url.endswith("?e=1")

    def test_a_change_keeps_the_former_state_once_and_shows_it(self, staff, api):
        make(api, title="<first>", content="<b>", tags=["a"])
        note = Note.objects.get()
        url = f"notes/note/{note.id}/change/"
        kept = str(Tag.objects.get().id)
        for fields in (
            {"title": "second", "tag_choice": []},
            {"title": "second", "tag_choice": [kept]},
            {"title": "third", "tag_choice": [kept]},
            {"title": "third", "tag_choice": [kept]},
        ):
            assert staff.post(ADMIN + url, self.fields(note, **fields)).status_code == 302
        states = list(note.versions.order_by("number").values_list("title", "tags"))
        assert states == [("<first>", ["a"]), ("second", []), ("second", ["a"])]
        page = get(staff, url)
        assert "&lt;first&gt; · a</summary><pre>&lt;b&gt;</pre>" in page

    def test_a_note_is_added_for_a_user(self, staff, api, ada):
        api.get("/api/v1/notes/")
        tag = Tag.objects.create(name="a")
        fields = {"user": str(ada.id), "title": "t", "content": "", "tag_choice": [str(tag.id)]}
        fields["content_format"] = "text"
        assert staff.post(f"{ADMIN}notes/note/add/", fields).status_code == 302
        assert list(Note.objects.get().tags.all()) == [tag]

    def test_a_block_document_is_not_broken(self, staff, api):
        document = {"type": "doc", "version": 1, "blocks": [{"type": "divider"}]}
        make(api, content=document)
        note = Note.objects.get()
        url = f"{ADMIN}notes/note/{note.id}/change/"
        for content in ("text", "", '{"type": "doc"}', '{"type": "doc", "type": "doc"}', "5"):
            page = staff.post(url, self.fields(note, content=content))
            assert page.status_code == 200
            assert b"errorlist" in page.content
        assert Note.objects.get().content == note.content
        pretty = json.dumps(document, indent=2)
        assert staff.post(url, self.fields(note, content=pretty, title="t")).status_code == 302
        assert (Note.objects.get().content, Note.objects.get().title) == (note.content, "t")
        fields = self.fields(note, content="text", content_format="text")
        assert staff.post(url, fields).status_code == 302
        assert Note.objects.get().content_format == "text"

    @pytest.mark.parametrize(
        "content", ["a\nb\n", "  lead", "tail  ", "\n\nline\n\n", "\t", "a\r\nb", "a\rb", "", None]
    )
    def test_a_text_that_nobody_touched_stays_to_the_letter(self, staff, api, content):
        make(api, content=content)
        note = Note.objects.get()
        url = f"{ADMIN}notes/note/{note.id}/change/"
        lines = (content or "").replace("\r\n", "\n").replace("\r", "\n")
        fields = self.fields(note, content=lines.replace("\n", "\r\n"), title="t")
        assert staff.post(url, fields).status_code == 302
        assert (Note.objects.get().content, Note.objects.get().title) == (content, "t")
        assert staff.post(url, fields | {"content": " a\r\nb "}).status_code == 302
        assert Note.objects.get().content == " a\nb "

    def test_actions_archive_and_bring_back(self, staff, api):
        ids = [make(api)["id"] for _ in range(3)]
        for action, archived in (("archive", 3), ("unarchive", 0)):
            fields = {"action": action, "_selected_action": ids}
            response = staff.post(f"{ADMIN}notes/note/", fields, follow=True)
            assert response.status_code == 200
            assert Note.objects.filter(is_archived=True).count() == archived
        assert b"Brought back: 3." in response.content

    def test_many_are_archived_in_pieces(self, staff, api, monkeypatch):
        monkeypatch.setattr(admin, "BATCH", 2)
        for _ in range(5):
            make(api)
        with CaptureQueriesContext(connection) as queries:
            assert b"Archived: 5." in self.act_on_all(staff, "archive").content
        assert sum('UPDATE "notes"' in (query["sql"] or "") for query in queries) == 3

    def act_on_all(self, staff, action):
        fields = {"action": action, "index": "0", "select_across": "1"}
        fields["_selected_action"] = Note.objects.values_list("pk", flat=True)[0]
        return staff.post(f"{ADMIN}notes/note/", fields, follow=True)

    @pytest.mark.parametrize("action", ["archive", "export_selected", "delete_selected"])
    def test_of_more_than_the_list_counts_nothing_is_done(self, staff, api, action, monkeypatch):
        monkeypatch.setattr(CappedPaginator, "CAP", 2)
        for _ in range(3):
            make(api)
        page = self.act_on_all(staff, action)
        assert b"More than 2 are selected, and nothing is done." in page.content
        assert Note.objects.filter(is_archived=False).count() == 3

    def test_more_than_a_form_of_djangos_has_fields_for_are_deleted(self, staff, api, user):
        Note.objects.bulk_create(Note(user=user) for _ in range(1001))
        page = self.act_on_all(staff, "delete_selected").content.decode()
        ids = re.findall(r'name="_selected_action" value="([^"]+)"', page)
        fields = {"action": "delete_selected", "post": "yes", "_selected_action": ids}
        response = staff.post(f"{ADMIN}notes/note/", fields, follow=True)
        assert b"Successfully deleted 1001 notes." in response.content
        assert not Note.objects.exists()

    def test_no_list_and_no_action_reads_contents(self, staff, api):
        make(api, title="Plan")
        with CaptureQueriesContext(connection) as queries:
            assert "Plan" in get(staff, "notes/note/")
            assert b"Plan" in self.act_on_all(staff, "delete_selected").content
        asked = [query["sql"] for query in queries if query["sql"]]
        assert not [sql for sql in asked if '"content"' in sql]

    def test_a_page_of_the_list_reads_as_many_as_it_shows(self, staff, user, monkeypatch):
        monkeypatch.setattr(CappedPaginator, "CAP", 200)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, title, updated_at)"
                " SELECT %s, 'n', now() - n * '1s'::interval FROM generate_series(1, 3000) AS n",
                [user.pk],
            )
            cursor.execute("ANALYZE notes, users")
        for query, shown in (("", 100), ("?p=2", 100)):
            with explained() as plans:
                assert get(staff, f"notes/note/{query}").count("field-updated_at") == shown
            read = rows_read(plans, "notes")
            # The page, and the count.
            assert len(read) == 2
            assert sum(read) <= 200 + 200

    def test_the_trash_reads_what_is_in_it(self, staff, user):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, title, deleted_at)"
                " SELECT %s, 'n', CASE WHEN n %% 500 = 0 THEN now() END"
                " FROM generate_series(1, 5000) AS n",
                [user.pk],
            )
            cursor.execute("ANALYZE notes, users")
        with explained() as plans:
            assert get(staff, "notes/note/?trash=yes").count("field-updated_at") == 10
        assert sum(rows_read(plans, "notes")) < 50, plans

    def test_deleting_says_what_goes_and_does_it(self, staff, api):
        note = make(api, tags=["a"])
        url = f"{ADMIN}notes/note/{note['id']}/delete/"
        assert staff.post(url, {"post": "yes"}).status_code == 302
        assert not Note.objects.exists()

    def test_autocomplete_of_user_and_tags(self, staff, api):
        make(api, tags=["work", "home"])

        def names(model, field, term):
            query = f"?app_label=notes&model_name={model}&field_name={field}&term={term}"
            return [
                row["text"] for row in json.loads(get(staff, f"autocomplete/{query}"))["results"]
            ]

        with CaptureQueriesContext(connection) as queries:
            assert names("note", "tags", "wor") == ["work"]
        assert not any("note_tags" in query["sql"] for query in queries)
        assert names("note", "user", "ad") == ["ada"]
