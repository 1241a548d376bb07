"""Packed folders of Markdown files, as Joplin makes them, become notes."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from itertools import pairwise
from string import ascii_lowercase

import pytest

from tests.notes.transfer.foreign_exports import zipped
from tests.notes.transfer.reading import Result
from transfer import markdown_folder as reader
from transfer.archive import Archive

FRONT_MATTER = """\
---
title: "Trip: the plan"
updated: 2021-05-01 08:00:00Z
created: 2020-03-27 21:15:02Z
source: https://example.com/
author: Scott
latitude: 58.22220000
longitude: 0.00000000
altitude: 0.0000
completed?: no
due: 2021-06-01 00:00:00Z
tags:
  - lamp
  - Moth
---

"""


def read(files: dict[str, str | bytes]) -> Result:
    return Result(reader, zipped(files))


def test_a_file_without_front_matter():
    text = "\n# Heading\n\n---\n\ntext\r\n"
    item = read({"Work/2024/Plan.md": text})["Plan"]
    assert item.content == text
    assert item.key == "markdown:Work/2024/Plan.md"
    assert item.tags == ("work/2024",)
    assert item.created_at is item.updated_at is None


@pytest.mark.parametrize("name", ["Q: how to", "Q:how"])
def test_a_colon_in_the_name_of_a_file(name):
    assert read({f"{name}.md": "text"})[name].content == "text"


def test_front_matter_becomes_what_a_note_has():
    item = read({"Trip_ the plan.md": f"{FRONT_MATTER}Body\n"})["Trip: the plan"]
    assert item.content == (
        "Body\n\nSource: https://example.com/\nAuthor: Scott\nDue: 2021-06-01 00:00:00Z\n"
    )
    assert item.created_at == datetime(2020, 3, 27, 21, 15, 2, tzinfo=UTC)
    assert item.updated_at == datetime(2021, 5, 1, 8, tzinfo=UTC)
    assert item.tags == ("todo", "lamp", "moth")


def test_front_matter_as_older_versions_and_other_programs_write_it():
    texts = {
        "a.md": "---\ntitle: -60\ncreated: 1970-01-01 00:00Z\ncompleted?: yes\ntags: x, y\n---\nb",
        "b.md": "---\ntitle: |-\n  two\n  lines\ncreated: never\ntags: 3\nsource: [a]\n---\n\n\nb",
    }
    done = read(texts)
    assert [(item.title, item.content, item.tags) for item in done.items] == [
        ("-60", "b", ("done", "x", "y")),
        ("two\nlines", '\nb\n\ncreated: never\nsource: ["a"]\n', ("3",)),
    ]
    assert done.items[0].created_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_front_matter_that_says_more_than_joplins():
    values = "created_at: 2020-03-27T21:15:02Z\nupdated_at: 2021-05-01\nis_archived: True\n"
    item = read({"Work/a.md": f"---\n{values}title: null\n---\nb"})["a"]
    assert (item.content, item.is_archived, item.tags) == ("b", True, ("work",))
    assert item.created_at == datetime(2020, 3, 27, 21, 15, 2, tzinfo=UTC)
    assert item.updated_at == datetime(2021, 5, 1, tzinfo=UTC)


def test_front_matter_that_cannot_be_read_is_said():
    values = "created_at: soon\nupdated_at: [2021]\nis_archived: perhaps\ncreated: null\n"
    done = read({"a.md": f"---\n{values}---\nb"})
    assert (done["a"].created_at, done["a"].is_archived) == (None, False)
    assert done["a"].content == (
        'b\n\ncreated_at: soon\nupdated_at: ["2021"]\nis_archived: perhaps\n'
    )
    assert [reason.split()[0] for reason in done.reasons] == [
        "is_archived",
        "created_at",
        "updated_at",
    ]


def test_members_that_a_note_has_no_place_for_are_lines_of_the_text():
    values = (
        "title: Recipe\naliases: [Pie, [Übung]]\nrating: 5\ntag: cooking\nnotes: '[b](B.md)'\n"
        "empty:\nnone: null\nlist: []\nauthor: {of: x}\ntags: [a, [b], {c: d}]\n"
    )
    done = read({"a.md": f"---\n{values}---\nApples.", "B.md": "---\ntags: {a: b}\n---\n"})
    assert done["Recipe"].content == (
        'Apples.\n\naliases: ["Pie", ["Übung"]]\nrating: 5\ntag: cooking\n'
        'notes: [b](/at/markdown:B.md)\nauthor: {"of": "x"}\ntags: ["a", ["b"], {"c": "d"}]\n'
    )
    assert done["Recipe"].tags == ("a",)
    assert (done["B"].content, done["B"].tags) == ('tags: {"a": "b"}\n', ())
    assert done.reasons == []


@pytest.mark.parametrize(
    "text", ["---\n\nNote: between two rules\n\n---\n\nMore.", "--- \r\n \t\r\na: b\r\n---\r\n"]
)
def test_what_is_between_thematic_breaks_is_text(text):
    done = read({"a.md": text})
    assert (done["a"].content, done.reasons) == (text, [])


ALIASES = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n" for before, name in pairwise(ascii_lowercase)
)


@pytest.mark.parametrize(
    "values",
    [
        *("title: -x: y: z", 'tags: ["\\uD83D"]', "# A heading", "rating: 5\nrating: 6"),
        *("a: {b: 1, b: 2}", ALIASES),
    ],
    ids=lambda values: values[:12],
)
def test_what_is_no_front_matter_stays_in_the_text(values):
    text = f"---\n{values}\n---\n\nbody"
    done = read({"a.md": text})
    assert (done["a"].title, done["a"].content) == ("a", text)
    assert "It stays in the text." in done.reasons[0]


def test_links_lead_to_notes_and_stay_where_they_do_not():
    text = (
        "[other](../Other%20book/A%20note%20%281%29.md#x) [gone](gone.md) [web](https://a.example/b.md)"
        " ![pic](../../_resources/photo%20%281%29.png) ![](<../../_resources/b c.png>)"
    )
    done = read(
        {
            "Work/Deep/Note.md": text,
            "Work/Other book/A note (1).md": "",
            "_resources/photo (1).png": b"png",
            "_resources/b c.png": b"png",
            "_resources/page.md": "attached",
        }
    )
    assert done["Note"].content == text.replace(
        "../Other%20book/A%20note%20%281%29.md#x", "/at/markdown:Work/Other book/A note (1).md"
    )
    assert done.reasons == [
        "Files are not kept here; the links to them stay as they were: photo (1).png, b c.png.",
        "It links to what is not in the export, or not taken: gone.md.",
    ]
    assert done.titles == ["Note", "A note (1)"]


def test_the_folder_that_was_packed_is_no_notebook():
    done = read({"Export 2024/Work/a.md": "", "Export 2024/_resources/x.png": b""})
    assert (done["a"].key, done["a"].tags) == ("markdown:Work/a.md", ("work",))


def test_html_notes_and_other_files():
    files = {"page.html": "<p>", "list.txt": "a", "Work/_notebook.yml": "icon:", "c.md": b"\xff"}
    done = read(files)
    assert done["page"].content == "<p>"
    assert done.reasons == ["It is an HTML note: its text is the HTML."]
    assert done.refused["list.txt"] == "It is no Markdown file."
    assert "UTF-8" in done.refused["c.md"]
    assert len(done.refused) == 2


def test_pages_of_a_website_are_no_notes():
    with Archive([("upload.zip", io.BytesIO(zipped({"index.html": "<p>"})))], 1000) as archive:
        assert not reader.is_export(archive, 0)
