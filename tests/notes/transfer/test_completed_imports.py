"""An export of which an import took a part is sent again, whole."""

import re

import pytest

from notes.models import Note, NoteVersion
from tests.notes.test_notes import NOTES
from tests.notes.transfer.foreign_exports import (
    Database,
    Page,
    id_of,
    joplin,
    notion,
    target,
    tarred,
    zipped,
)
from tests.notes.transfer.moving import counts, take
from transfer import completing

pytestmark = pytest.mark.django_db
ADDRESS = re.compile(r"/api/v1/notes/([-0-9a-f]{36})/")
NOT_TAKEN = "It links to what is not in the export, or not taken"
DIFFERS = "It is here, and not as the upload has it; it stays as it is."


def files_of_a_workspace():
    """Links forth and back, rows with pages and without, a view, pages that nothing links to."""
    moon = Page("Moon", "Far.", properties={"Tags": "Space", "Status": "Done"})
    long = Page("Everything that is to be done before the winter of 2026 comes", "Much.")
    mars = Page("Mars", properties={"Status": "Open", "See": f"Moon ({target(Page('Moon'))})"})
    projects = Database("Projects", rows=[moon, long], without_page=[mars])
    plan, unlinked = Page("Plan"), Page("Not linked", "a", [Page("Below it")])
    home = Page("Home", "", [plan, unlinked, projects])
    home.text = f"[Plan]({target(home, plan)}) [Projects]({target(home, projects, ending='.csv')})"
    plan.text = f"[Home](../{target(home)}) [row](Projects/{target(moon)})"
    view = {f"Board {id_of('Board')}.csv": "Name,Status\nMoon,Done\nMars,Open\n"}
    return notion(home, Page("Other", "b")) | view


def parts_of(files, count):
    names = list(files)
    return [{name: files[name] for name in names[part::count]} for part in range(count)]


def export_of(parts):
    return zipped({f"Export-1-Part-{n}.zip": zipped(part) for n, part in enumerate(parts, 1)})


def read_of(*titles):
    return list(Note.objects.filter(title__in=titles).order_by("title").values())


def linked(title):
    """The titles of the notes that the note of this title links to."""
    ids = ADDRESS.findall(Note.objects.get(title=title).content)
    return [Note.objects.get(pk=each).title for each in ids]


def said_of(report, source):
    return [line["reason"] for line in report["report"] if line["source"] == source]


def read_by(account):
    """Each of a user's notes, with the titles of those that it links to in the place of links."""
    notes = Note.objects.filter(user_id=account.id, deleted_at=None).prefetch_related("tags")
    titles = {str(note.pk): note.title for note in notes}
    return sorted(
        (
            note.title,
            ADDRESS.sub(lambda found: f"to {titles[found[1]]}", note.content or ""),
            note.is_archived,
            sorted(tag.name for tag in note.tags.all()),
        )
        for note in notes
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("count", [2, 3, 12])
def test_it_is_then_as_if_it_had_come_at_once(api, ada, bobs_api, bob, count, turned):
    """Also where it comes in more steps than two, and in whichever order its files are."""
    files = files_of_a_workspace()
    files = dict(reversed(files.items())) if turned else files
    parts = parts_of(files, count)
    reports = [take(api, export_of(parts[:there])) for there in range(1, count + 1)]
    for report in reports:
        assert (report["changed"], report["refused"]) == (0, 0), report["report"]
    assert counts(take(bobs_api, export_of(parts))) == {"created": 10}
    assert read_by(ada) == read_by(bob)
    assert counts(take(api, export_of(parts))) == {"unchanged": 10}


def test_a_dry_run_says_it_and_a_version_keeps_what_was(api):
    parts = parts_of(files_of_a_workspace(), 2)
    take(api, export_of(parts[:1]))
    before = list(Note.objects.order_by("pk").values_list("pk", "content"))
    dry = take(api, export_of(parts), dry_run="true")
    assert list(Note.objects.order_by("pk").values_list("pk", "content")) == before
    report = take(api, export_of(parts))
    assert report["completed"]
    assert dry == {**report, "dry_run": True}
    assert {(pk, text) for pk, text in NoteVersion.objects.values_list("note", "content")} <= set(
        before
    )
    assert NoteVersion.objects.count() == report["completed"]


def test_it_keeps_the_times_that_it_brought(api):
    times = {"a": "author: x\n", "b": "updated_at: 2021-01-01\n", "c": "created_at: 2020-01-01\n"}
    files = {f"{name}.md": f"---\n{time}---\n[d](d.md)" for name, time in times.items()}
    take(api, zipped(files))
    before = dict(Note.objects.values_list("title", "updated_at"))
    assert counts(take(api, zipped(files | {"d.md": ""}))) == {"created": 1, "completed": 3}
    after = dict(Note.objects.values_list("title", "updated_at"))
    assert [after[name] for name in "bc"] == [before[name] for name in "bc"]
    assert [before[name].year for name in "bc"] == [2021, 2020]
    # It brought none, and is changed now. So is what somebody changes.
    assert after["a"] > before["a"]
    note = Note.objects.get(title="b")
    api.patch(f"{NOTES}{note.pk}/", {"content": "mine"})
    assert Note.objects.get(title="b").updated_at > after["b"]


class TestWhatSomebodyChanged:
    """It stays, and the report says so."""

    FILES = dict(
        item
        for title in ("a", "b", "c", "d", "e")
        for item in notion(Page(title, f"[Gone]({target(Page('Gone'))})")).items()
    )
    GONE = notion(Page("Gone"))

    def test_in_any_way(self, api, ada):
        take(api, zipped(self.FILES))
        urls = {note.title: f"{NOTES}{note.pk}/" for note in Note.objects.all()}
        api.patch(urls["a"], {"content": Note.objects.get(title="a").content + "!"})
        api.patch(urls["b"], {"tags": ["mine"]})
        api.post(f"{urls['c']}archive/")
        api.delete(urls["d"])
        before = read_of("a", "b", "c", "d")
        report = take(api, zipped(self.FILES | self.GONE))
        assert counts(report) == {"created": 1, "completed": 1, "changed": 4}
        trash = "It is in the trash, and stays there."
        assert [line["reason"] for line in report["report"]] == [*[DIFFERS] * 3, trash]
        assert read_of("a", "b", "c", "d") == before
        assert linked("e") == ["Gone"]

    def test_while_the_import_runs(self, api, monkeypatch):
        take(api, zipped(self.FILES))
        read = completing._read

        def read_before_a_change(user, note_id):
            here = read(user, note_id)
            if here.shown["title"] == "a":
                api.patch(f"{NOTES}{note_id}/", {"content": "mine"})
            return here

        monkeypatch.setattr(completing, "_read", read_before_a_change)
        report = take(api, zipped(self.FILES | self.GONE))
        assert counts(report) == {"created": 1, "completed": 4, "changed": 1}
        assert Note.objects.get(title="a").content == "mine"

    @pytest.mark.parametrize("steps", [1, 2])
    def test_lines_that_were_taken_off_a_list(self, api, steps):
        """They are not what an import has left out."""
        home = Page("Home", "text", [Page("a"), Page("b"), Page("c"), Page("d")])
        files = list(notion(home).items())
        for there in range(steps):
            take(api, zipped(dict(files[: 3 + there])))
        note = Note.objects.get(title="Home")
        assert linked("Home") == ["a", "b", "c"][: 1 + steps]
        kept = [line for line in note.content.splitlines() if "[b]" not in line]
        api.patch(f"{NOTES}{note.pk}/", {"content": "\n".join(kept)})
        assert counts(take(api, zipped(dict(files))))["changed"] == 1
        assert linked("Home") == ["a", "c"][:steps]


class TestRows:
    """What was made of a row while its page was missing becomes the page's note."""

    PROPERTIES = {"Status": "Done", "Tags": "x", "See": "Plan (Plan.md)"}
    FILES = notion(Database("Tasks", rows=[Page("Moon", "Far.", properties=PROPERTIES)]))
    FILES |= {"Plan.md": "# Plan"}
    WITHOUT_PAGE = {name: text for name, text in FILES.items() if "Moon" not in name}

    def test_it_has_the_same_address(self, api):
        take(api, zipped(self.WITHOUT_PAGE))
        row = Note.objects.get(title="Moon")
        assert row.content.startswith("Status: Done\nTags: x\nSee: Plan (/api/v1/notes/")
        assert counts(take(api, zipped(self.FILES))) == {"completed": 1, "unchanged": 2}
        row.refresh_from_db()
        assert row.content == "Status: Done\nTags: x\nSee: Plan (Plan.md)\n\nFar."
        assert linked("Tasks") == ["Moon"]
        assert counts(take(api, zipped(self.FILES))) == {"unchanged": 3}

    def test_one_that_was_changed_stays(self, api):
        take(api, zipped(self.WITHOUT_PAGE))
        row = Note.objects.get(title="Moon")
        api.patch(f"{NOTES}{row.pk}/", {"content": "mine"})
        assert counts(take(api, zipped(self.FILES))) == {"changed": 1, "unchanged": 2}
        row.refresh_from_db()
        assert (row.content, Note.objects.count()) == ("mine", 3)

    @pytest.mark.parametrize("changed", [False, True])
    def test_of_two_one_goes_to_the_trash(self, api, changed):
        take(api, zipped(self.FILES))
        # A part alone, sent after the whole, does not tell that the row has a page.
        take(api, zipped(self.WITHOUT_PAGE))
        row = Note.objects.exclude(content__contains="Far.").get(title="Moon")
        if changed:
            api.patch(f"{NOTES}{row.pk}/", {"title": "mine"})
        report = take(api, zipped(self.FILES))
        outcome = "changed" if changed else "completed"
        assert counts(report) == {outcome: 1, "unchanged": 3}
        [line] = report["report"]
        assert line["source"].endswith("_all.csv:2")
        assert "second note" in line["reason"]
        row.refresh_from_db()
        assert (row.deleted_at is None) is changed


def test_a_part_sent_after_the_whole_takes_no_link_away(api):
    home, gone = Page("Home", f"[Gone]({target(Page('Gone'))})"), Page("Gone")
    take(api, zipped(notion(home, gone)))
    report = take(api, zipped(notion(home)))
    assert counts(report) == {"unchanged": 1, "lost": 1}
    assert linked("Home") == ["Gone"]


class TestRefusedItems:
    """Links to them stay as they were, are said, and lead to the notes once these are taken."""

    @pytest.mark.parametrize(
        "values",
        [
            {"encryption_applied": 1, "encryption_cipher_text": "JED01"},
            {"deleted_time": 1_700_000_000_000},
            {"user_updated_time": "2999-01-01T00:00:00.000Z"},
            {"body": "x" * 1_048_577},
            {"body": "\0"},
        ],
    )
    def test_of_joplin(self, api, values):
        link = f"[Secret](:/{id_of('Secret')})"
        note, good = joplin("note", "Home", link), joplin("note", "Secret", "text")
        bad = joplin("note", "Secret", **values)
        report = take(api, tarred(dict([note, bad])))
        assert counts(report) == {"created": 1, "refused": 1, "lost": 1}
        assert said_of(report, f"{note[0]} (Home)") == [f"{NOT_TAKEN}: :/{id_of('Secret')}."]
        assert Note.objects.get().content == link
        assert counts(take(api, tarred(dict([note, good])))) == {"created": 1, "completed": 1}
        assert linked("Home") == ["Secret"]

    def test_of_notion(self, api):
        bad = Page("Bad", "\0")
        home = Page("Home", "", [bad, Page("Listed", "\0"), Page("Good")])
        home.text = f"[Bad]({target(home, bad)}) [too](https://www.notion.so/Bad-{id_of('Bad')})"
        files = notion(home)
        report = take(api, zipped(files))
        assert counts(report) == {"created": 2, "refused": 2, "lost": 1}
        assert said_of(report, f"{home.stem}.md") == [f"{NOT_TAKEN}: Bad, Bad-{id_of('Bad')}."]
        assert Note.objects.get(title="Home").content.startswith(f"{home.text}\n\n- [Good]")
        assert linked("Home") == ["Good"]
        files = {name: str(text).replace("\0", "text") for name, text in files.items()}
        assert counts(take(api, zipped(files))) == {"created": 2, "completed": 1, "unchanged": 1}
        assert linked("Home") == ["Bad", "Bad", "Good", "Listed"]

    def test_of_a_folder_of_markdown(self, api):
        files = {"Home.md": "[bad](bad.md)", "bad.md": b"\xff"}
        report = take(api, zipped(files))
        assert counts(report) == {"created": 1, "refused": 1, "lost": 1}
        assert said_of(report, "Home.md") == [f"{NOT_TAKEN}: bad.md."]
        assert Note.objects.get().content == "[bad](bad.md)"
        assert counts(take(api, zipped(files | {"bad.md": "text"}))) == {
            "created": 1,
            "completed": 1,
        }
        assert linked("Home") == ["bad"]
