"""Importing a zip of Markdown files, as it was exported or as somebody wrote it."""

import pytest

from notes.models import Note
from tests.notes.test_notes import NOTES
from tests.notes.transfer.moving import counts, export, stored, take, unzipped, zip_of
from tests.notes.transfer.test_import import MARKER, reason

pytestmark = pytest.mark.django_db


class TestMarkdown:
    @pytest.mark.parametrize(
        ("file", "title", "content", "tags"),
        [
            ("text", "note", "text", []),
            (
                "---\ntitle: A plan\ntags:\n  - b\n  - A\n---\n\ntext",
                "A plan",
                "\ntext",
                ["a", "b"],
            ),
            ("---\ntitle: 2026-01-01\ntags: a, B\n---\n", "2026-01-01", "", ["a", "b"]),
            ("---\r\ntitle: 'x'\r\n---\r\na\r\n", "x", "a\r\n", []),
            ("---\n---\n---\n", "note", "---\n", []),
            ("--- a\ntitle: b\n---\n", "note", "--- a\ntitle: b\n---\n", []),
            ("---\ntitle: a\ncontent: null\n---\n", "a", None, []),
            ("---\ntitle: a\ncontent: null\n---\nwritten since", "a", "written since", []),
            ('---\ncreated_at: 2020-01-01\ntitle: "\\uD83D\\uDE00"\n---\n', "😀", "", []),
            ("---\ntitle: '\\uD83D'\n---\n", "\\uD83D", "", []),
            ("\ufefftext", "note", "text", []),
        ],
    )
    def test_a_file_that_somebody_has_written(self, api, file, title, content, tags):
        assert counts(take(api, zip_of([MARKER, ("notes/note.md", file)]))) == {"created": 1}
        note = Note.objects.get()
        assert (note.title, note.content) == (title, content)
        assert sorted(tag.name for tag in note.tags.all()) == tags

    @pytest.mark.parametrize(
        ("name", "file", "said"),
        [
            ("a.md", "---\ntitle: [a\n---\n", "no YAML in line 3"),
            ("a.md", "---\n- a\n---\n", "no list of names"),
            ("a.md", "---\ntitle: [a]\n---\n", "title in its front matter"),
            ("a.md", "---\ntags: {a: b}\n---\n", "tags in its front matter"),
            ("a.md", "---\nis_archived: perhaps\n---\n", "true or false"),
            ("a.md", "---\ncreated_at: soon\n---\n", "no time"),
            ("a.md", '---\nblocks: "\\uD83D"\n---\n', "no YAML that is read"),
            ("a.md", f"---\nx: {'[' * 5000}\n---\n", "no YAML"),
            ("a.md", f"---\nx: {'a' * 70_000}\n---\n", "65,536 characters"),
            ("a.md", b"caf\xe9", "no UTF-8: byte 3"),
            ("a.md", b"x" * (9 * 1024 * 1024), "8,388,608 bytes"),
            ("a.md", "x" * (1024 * 1024 + 1), "1,048,576 bytes"),
            ("image.png", b"\x89PNG", "no Markdown"),
        ],
    )
    def test_files_that_cannot_be_taken(self, api, name, file, said):
        report = take(api, zip_of([MARKER, (f"notes/{name}", file), ("notes/good.md", "x")]))
        assert counts(report) == {"created": 1, "refused": 1}
        assert report["report"][0]["source"] == f"notes/{name}"
        assert said in reason(report)

    def test_members_that_mean_nothing_here_are_named(self, api):
        file = "---\ntitle: a\nmood: {x: [1]}\nrating: 5\ncontent: null\n---\nb"
        report = take(api, zip_of([MARKER, ("notes/note.md", file)]))
        assert counts(report) == {"created": 1, "lost": 1}
        assert reason(report) == "What its front matter has besides is left out: mood, rating."
        assert Note.objects.get().content == "b"

    def test_a_time_ahead_in_a_folder_without_the_marker(self, api):
        files = [("a.md", "---\ncreated_at: 2999-01-01T00:00:00Z\n---\n"), ("b.md", "x")]
        report = take(api, zip_of(files))
        assert counts(report) == {"created": 1, "refused": 1}
        assert reason(report) == "It was created or changed in the future."


@pytest.mark.parametrize("folder", ["", "notes/", "x/notes/"])
def test_an_export_without_its_marker(api, bobs_api, ada, bob, folder):
    document = {"type": "doc", "version": 1, "blocks": [{"type": "divider"}]}
    for values in ({"content": "text"}, {"content": document, "tags": ["a"]}, {"content": None}):
        note = api.post(NOTES, {"title": "null", **values}, format="json").json()
        api.post(f"{NOTES}{note['id']}/archive/")
    exported = unzipped(export(api, "markdown"))
    del exported["notes-export.json"]
    above = folder.removesuffix("notes/")
    files = [
        (f"{above}{name}" if name.startswith("blocks/") else folder + name[6:], content)
        for name, content in exported.items()
    ]
    assert counts(take(bobs_api, zip_of(files))) == {"created": 3}
    assert stored(bob) == stored(ada)
    assert counts(take(api, zip_of(files))) == {"unchanged": 3}


@pytest.mark.parametrize("names", [("{}.md", MARKER), ("{}.md",), ("{0} " + "{0}" * 32 + ".md",)])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_path_that_is_there_twice_the_last_one_is_taken_and_that_is_said(api, names):
    form, *marker = names
    files = [(form.format(name), text) for name, text in ("a1", "b3", "a0", "a2")]
    report = take(api, zip_of([*marker, *files]))
    assert counts(report) == {"created": 2, "refused": 1}
    assert report["report"][0]["source"] == form.format("a")
    assert "The last of them counts" in reason(report)
    assert dict(Note.objects.values_list("title", "content")) == {"a": "2", "b": "3"}
