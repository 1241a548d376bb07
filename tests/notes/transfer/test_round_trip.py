"""Export, import as another user, export again: the same but for the ids."""

import json
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notes.models import Note
from tests.notes.issuer import Account
from tests.notes.test_notes import make, url_of
from tests.notes.transfer.moving import (
    FORMATS,
    NOTES_TO_TAKE,
    counts,
    export,
    lines_of,
    stored,
    take,
    unzipped,
    zip_of,
)

pytestmark = pytest.mark.django_db


def parsed(data):
    first, *notes, last = map(json.loads, data.splitlines())
    assert first == {"format": "notes-jsonl", "version": 1}
    assert last == {"end": True, "notes": len(notes)}
    return notes


def without_ids(notes):
    return sorted(
        json.dumps({name: value for name, value in note.items() if name != "id"}, sort_keys=True)
        for note in notes
    )


@pytest.mark.parametrize("form", FORMATS)
# Few with many notes: most of what one takes is its requests.
@given(notes=st.lists(NOTES_TO_TAKE, max_size=12))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_goes_out_comes_in_as_it_was(form, db, sign_in, notes):
    ada, bob = Account("ada"), Account("bob")
    adas, bobs = sign_in(ada), sign_in(bob)
    taken = take(adas, lines_of(*({**note, "id": str(uuid.uuid4())} for note in notes)))
    assert counts(taken) == ({"created": len(notes)} if notes else {})
    exported = export(adas, form)

    report = take(bobs, exported)
    assert counts(report) == ({"created": len(notes)} if notes else {})
    assert stored(bob) == stored(ada)
    again = export(bobs, "jsonl")
    assert without_ids(parsed(again)) == without_ids(parsed(export(adas, "jsonl")))

    # Nothing twice: neither where it was imported nor where it came from.
    for api, account in ((bobs, bob), (adas, ada)):
        before = stored(account)
        assert counts(take(api, exported)) == ({"unchanged": len(notes)} if notes else {})
        assert stored(account) == before


def test_it_shows_what_the_api_shows(api):
    made = [make(api, title=f"{n}", content="a\r\nb ", tags=["work"]) for n in range(3)]
    api.post(f"{url_of(made[0])}archive/")
    api.delete(url_of(made[1]))
    shown = [api.get(url_of(note)).json() for note in (made[0], made[2])]
    assert parsed(export(api, "jsonl")) == sorted(shown, key=lambda note: note["id"])


def test_a_file_is_the_text_to_the_letter_below_its_front_matter(api):
    make(api, title="Plan: a/b", content="a\r\n---\n\tb  ", tags=["b", "a, b"])
    files = unzipped(export(api, "markdown"))
    assert json.loads(files.pop("notes-export.json")) == {"format": "notes-markdown", "version": 1}
    ((name, file),) = files.items()
    assert name == "notes/Plan a b.md"
    start, front, content = file.decode().split("---\n", 2)
    assert start == ""
    assert 'title: "Plan: a/b"\ntags: ["a, b", "b"]\nis_archived: false\n' in front
    assert content == "a\r\n---\n\tb  "


def test_names_of_files(api):
    titles = [
        "Trip",
        "trip",
        "TRIP",
        "Trip 2",
        "con",
        "..",
        " .a. ",
        "x" * 500,
        "é" * 300,
        "e\u0301",
    ]
    titles += ["é", 'a<>:"/\\|?*b', "Untitled", "aux.txt", "line\nend"]
    for title in titles:
        make(api, title=title)
    names = [name for name in unzipped(export(api, "markdown")) if name.startswith("notes/")]
    assert len(names) == len(titles)
    assert len({name.casefold() for name in names}) == len(titles)
    for name in names:
        assert len(name.encode()) <= 220
        assert not set(name.removeprefix("notes/")) & set('<>:"/\\|?*\n')
    assert {"notes/_con.md", "notes/_aux.txt.md", "notes/a b.md", "notes/line end.md"} <= set(names)


class TestBlocks:
    DOCUMENT = {
        "type": "doc",
        "version": 1,
        "blocks": [
            {"type": "heading", "level": 2, "text": [{"text": "Trip #1"}]},
            {
                "type": "paragraph",
                "text": [
                    {"text": "See "},
                    {"text": "the map", "marks": ["bold"], "link": "https://example.com/map"},
                    {"text": " and *this*\n1. x"},
                ],
            },
            {
                "type": "to_do",
                "checked": True,
                "text": [{"text": "Tickets"}],
                "children": [{"type": "bulleted_item", "text": [{"text": "train"}]}],
            },
            {"type": "numbered_item", "text": [{"text": "one"}]},
            {"type": "numbered_item", "text": [{"text": "two"}]},
            {"type": "quote", "text": [{"text": "said"}], "children": [{"type": "divider"}]},
            {"type": "callout", "icon": "💡", "text": [{"text": "note"}]},
            {"type": "code", "language": "py", "code": "a = '```'"},
            {"type": "table", "header": True, "rows": [[[{"text": "a|b"}], []], [[], []]]},
            {"type": "image", "url": "https://example.com/a_(b).png", "alt": "map"},
            {"type": "bookmark", "url": "https://example.com/", "caption": [{"text": "home"}]},
        ],
    }
    MARKDOWN = """\
## Trip #1

See [**the map**](https://example.com/map) and \\*this\\*\\
1\\. x

- [x] Tickets
  - train

1. one
2. two

> said
>
> ---

> 💡 note

````py
a = '```'
````

| a\\|b |  |
| --- | --- |
|  |  |

![map](<https://example.com/a_(b).png>)

[https://example.com/](https://example.com/)

home
"""

    def exported(self, api):
        make(api, title="Trip", content=self.DOCUMENT)
        files = unzipped(export(api, "markdown"))
        return files, files["notes/Trip.md"].decode().split("---\n", 2)[2]

    def test_they_are_there_to_be_read(self, api):
        files, content = self.exported(api)
        assert content == self.MARKDOWN
        (document,) = (files[name] for name in files if name.startswith("blocks/"))
        assert json.loads(document) == self.DOCUMENT

    def test_rows_of_a_table_may_be_shorter_than_the_widest(self, api):
        """All as wide, a document of a megabyte would be one of ten gigabytes."""
        wide, rows = 300, 300
        table = {"type": "table", "rows": [[[]] * wide, *[[]] * rows]}
        make(api, title="Trip", content={"type": "doc", "version": 1, "blocks": [table]})
        text = unzipped(export(api, "markdown"))["notes/Trip.md"].decode()
        assert text.endswith(
            f"|{'  |' * wide}\n|{' --- |' * wide}\n|{'  |' * wide}\n" + "|  |\n" * rows
        )

    @pytest.mark.parametrize("how", ["crlf", "no line at the end", "a folder around all"])
    def test_what_programs_do_to_a_file_is_no_edit(self, api, bobs_api, how):
        files, _ = self.exported(api)
        file = files["notes/Trip.md"]
        if how == "crlf":
            files["notes/Trip.md"] = file.replace(b"\n", b"\r\n")
        elif how == "no line at the end":
            files["notes/Trip.md"] = file.rstrip()
        else:
            files = {f"export/{name}": data for name, data in files.items()}
        assert counts(take(bobs_api, zip_of(files.items()))) == {"created": 1}
        assert bobs_api.get("/api/v1/notes/").json()["results"][0]["content_format"] == "blocks"

    def test_what_was_edited_is_taken_as_markdown(self, api, bobs_api, bob):
        files, content = self.exported(api)
        files["notes/Trip.md"] += b"and more\n"
        report = take(bobs_api, zip_of(files.items()))
        assert counts(report) == {"created": 1, "lost": 1}
        (line,) = report["report"]
        assert (line["source"], line["outcome"]) == ("notes/Trip.md", "lost")
        note = Note.objects.get(user_id=bob.id)
        assert (note.content, note.content_format) == (f"{content}and more\n", "text")

    def test_a_document_that_is_missing_is_said(self, api, bobs_api):
        files, _ = self.exported(api)
        files = {name: data for name, data in files.items() if not name.startswith("blocks/")}
        report = take(bobs_api, zip_of(files.items()))
        assert counts(report) == {"refused": 1}
        assert "is missing" in report["report"][0]["reason"]

    def test_what_sql_has_written_wrong_harms_no_other(self, api, ada, bobs_api):
        make(api, title="good")
        for content in ('{"a": 1}', '{"type":\r\n"doc"}'):
            Note.objects.create(
                user_id=ada.id, title="bad", content=content, content_format="blocks"
            )
        for form in FORMATS:
            data = export(api, form)
            report = take(bobs_api, data, dry_run="true")
            assert counts(report) == {"created": 1, "refused": 2}
