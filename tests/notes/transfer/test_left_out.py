"""What an upload has and no note is made of: each is a line of the report, or ends the import."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from notes.models import Note
from tests.notes.transfer.foreign_exports import (
    Database,
    Page,
    id_of,
    joplin,
    notion,
    tarred,
    zipped,
)
from tests.notes.transfer.moving import IMPORT, body, lines_of, zip_of
from tests.notes.transfer.reading import Result
from tests.notes.transfer.test_import import MARKER, NOTE, detail
from transfer import joplin as joplin_reader
from transfer import notion as notion_reader

OTHERS = ["y.docx", "a/b.json", "notes.txt", "map.pdf", "z.html", f"page {id_of('z')}.html"]
JEX = tarred(dict([joplin("note", "Jay", "text")]))
NOTION = zipped(notion(Page("Nora")))
MINE = zip_of([MARKER, ("notes/Mia.md", "text")])
FOLDER = zipped({"Flo.md": "text"})
LINES = lines_of(NOTE)


def send(api, *files):
    uploads = [SimpleUploadedFile(f"{n}.bin", data) for n, data in enumerate(files)]
    return api.post(IMPORT, {"file": uploads}, format="multipart")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "files",
    [
        (JEX, NOTION),
        (NOTION, JEX),
        (JEX, MINE),
        (FOLDER, JEX),
        (FOLDER, NOTION),
        (MINE, FOLDER, NOTION),
        (zipped({"1.zip": NOTION, "2.zip": FOLDER}),),
    ],
)
def test_several_kinds_of_exports_are_not_one_upload(api, files):
    said = detail(send(api, *files), 415)
    assert said.startswith("The files are of several kinds: ")
    assert ("0.bin is " in said) == (len(files) > 1)
    assert not Note.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("files", [(JEX, LINES), (LINES, NOTION)])
def test_lines_beside_another_file(api, files):
    assert detail(send(api, *files), 415) == "JSON lines are one file."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("files", "titles"),
    [
        ((JEX, tarred(dict([joplin("note", "Joy")]))), {"Jay", "Joy"}),
        ((NOTION, zipped(notion(Page("Ned")))), {"Nora", "Ned"}),
        ((MINE, zip_of([MARKER, ("notes/Max.md", "")])), {"Mia", "Max"}),
        ((FOLDER, zipped({"Fay.md": ""})), {"Flo", "Fay"}),
        ((NOTION, zipped({"Nora/a.png": b"png"})), {"Nora"}),
    ],
)
def test_several_of_one_kind_are(api, files, titles):
    report = json.loads(body(send(api, *files)))
    assert report["created"] == len(titles)
    assert set(Note.objects.values_list("title", flat=True)) == titles


def test_a_part_without_names_of_notions_is_one_where_its_own_says_so():
    parts = {"Export-1-Part-1.zip": NOTION, "Export-1-Part-2.zip": zipped({"Plain.md": "# Plain"})}
    assert Result(notion_reader, zipped(parts)).titles == ["Nora", "Plain"]


def test_other_files_in_an_export_of_notion():
    home = Page("Home", "![](Home/a.png) [x](Home/t.csv)")
    linked = {"Home/a.png": b"png", "Home/t.csv": "a,b"}
    read = Result(notion_reader, zipped(notion(home) | linked | dict.fromkeys(OTHERS, "x")))
    assert read.titles == ["Home"]
    assert read.refused == dict.fromkeys(OTHERS, "It is no page and no table of Notion's.")


def test_other_files_in_an_export_of_joplin():
    picture, unlinked = id_of("photo.png"), id_of("other.png")
    files = dict(
        [
            joplin("note", "Note", f"![](:/{picture})"),
            joplin("resource", "photo.png"),
            joplin("resource", "other.png"),
        ]
    )
    attached = {f"resources/{each}.png": b"png" for each in (picture, unlinked)}
    others = [f"resources/{unlinked}.png", "junk.md", *OTHERS]
    read = Result(joplin_reader, tarred(files | attached | dict.fromkeys(others, "x")))
    assert read.titles == ["Note"]
    assert read.refused == dict.fromkeys(
        others, "It is no item of Joplin's, and files are not kept here."
    )


@pytest.mark.parametrize("packed", [zipped, tarred])
@pytest.mark.parametrize("name", [f"A {id_of('A')}.md", f"A {id_of('A')}.csv", "Plain.md"])
def test_what_notion_has_in_two_parts_with_another_content(name: str, packed):
    one, other = (packed({name: text}) for text in ("Name\none\n", "Name\ntwo\n"))
    some = packed(notion(Page("Some")))
    again = Result(notion_reader, one, some, one)
    assert not again.refused
    read = Result(notion_reader, one, some, other)
    assert read.titles == again.titles
    assert read.refused == {name: f"It is the same as {name} in upload.zip, with another content."}


@pytest.mark.parametrize("name", [f"A {id_of('A')}.md", f"A {id_of('A')}_all.csv"])
def test_what_notion_has_at_two_paths_with_another_content(name: str):
    read = Result(notion_reader, zipped({name: "Name\none\n", f"x/{name}": "Name\ntwo\n"}))
    assert list(read.refused) == [f"x/{name}"]


def test_the_view_of_a_database_is_not_missing():
    rows = [Page("one"), Page("two")]
    read = Result(notion_reader, zipped(notion(Database("Tasks", rows=rows, hidden=1))))
    assert not read.refused
