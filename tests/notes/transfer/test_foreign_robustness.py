"""Whatever is in an upload, reading it gives items and reasons, in bounded memory."""

from __future__ import annotations

import io
import string
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.notes.transfer.foreign_exports import (
    Database,
    Page,
    id_of,
    in_parts,
    joplin,
    notion,
    tagging,
    tarred,
    zipped,
)
from tests.notes.transfer.reading import MAX_UNPACKED, address
from transfer import joplin as joplin_reader
from transfer import links, markdown_folder
from transfer import notion as notion_reader
from transfer.archive import Archive
from transfer.errors import CannotImport
from transfer.items import Item, Lost, Refused

READERS = (notion_reader, joplin_reader, markdown_folder)
A_FEW = settings(max_examples=150, deadline=None)
IDS = [id_of("a"), id_of("b"), "0" * 32]
NAMES = st.lists(
    st.sampled_from(
        [
            *IDS,
            *(f"Title {each}" for each in IDS),
            "a",
            "..",
            " ",
            "_all",
            "Größe",
            "%20",
            "x" * 300,
        ]
    )
    | st.text(string.printable + "\u0301\U0001f600\u202e", max_size=8),
    min_size=1,
    max_size=3,
).map("/".join)
ENDINGS = st.sampled_from([".md", ".csv", "_all.csv", ".html", ".zip", ".MD", "", ".png"])
PIECES = [
    *("# Title\n\n", "Tags: a, b\n", "Created: March 27, 2020 9:15 PM\n", "\n\n", "type_: 1\n"),
    *(
        "---\n",
        "title: [\n",
        "tags:\n  - a\n",
        "Name,Tags\n",
        '"',
        ",",
        "](",
        ")",
        "(",
        "<",
        ">",
        "]",
    ),
    *("[[", "]]", "|", "#", "[a]: b.md\n"),
    *(f"](Title%20{IDS[0]}.md)", f"](../a/{IDS[1]}.csv)", "](%ff%00.md)", f":/{IDS[0]}", "\0"),
    *(
        f"id: {IDS[0]}\n",
        f"parent_id: {IDS[0]}\n",
        f"note_id: {IDS[0]}\n",
        "is_todo: 1\n",
        "\ufeff",
    ),
    *("todo_due: 99999999999999\n", "user_created_time: 9999-12-31T23:59:59-14:00\n", "\r", "٣"),
]
CONTENTS = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(
    lambda pieces: "".join(pieces).encode()
)
FILES = st.dictionaries(
    st.tuples(NAMES, ENDINGS).map("".join).filter(bool), CONTENTS, min_size=1, max_size=8
)


def read_with_all(*uploads: bytes) -> None:
    files = [(f"upload-{number}", io.BytesIO(data)) for number, data in enumerate(uploads)]
    try:
        archive = Archive(files, MAX_UNPACKED)
    except CannotImport:
        return
    with archive:
        for reader in READERS:
            reader.is_export(archive, 0)
            try:
                each = list(reader.read(archive)(address))
            except CannotImport:
                continue
            assert all(isinstance(one, Item | Refused | Lost) for one in each)


@A_FEW
@given(FILES)
def test_any_files_are_read(files: dict[str, bytes]):
    read_with_all(zipped(files))


@A_FEW
@given(FILES)
def test_any_items_of_joplin_are_read(files: dict[str, bytes]):
    ends = (b"", b"type_: 1", b"type_: 2\nid: x", f"id: {IDS[0]}\ntype_: 1".encode())
    items = {
        f"{IDS[number % 3]}.md" if number < 3 else name[:90]: content + b"\n\n" + ends[number % 4]
        for number, (name, content) in enumerate(files.items())
    }
    read_with_all(tarred({name: data for name, data in items.items() if name.isascii()}))


GOOD = {
    "notion": zipped(notion(Database("Tasks", rows=[Page("a", "text")], without_page=[Page("b")]))),
    "parts": in_parts(notion(Page("Home", "", [Page("a"), Page("b")])), 2),
    "joplin": tarred(
        dict([joplin("note", "a", "text"), joplin("tag", "t"), tagging("a", "t")])
        | {"resources/a.png": b"png" * 100}
    ),
}


@pytest.mark.parametrize("export", list(GOOD))
@A_FEW
@given(data=st.data())
def test_damaged_exports_are_read_or_refused(export: str, data: st.DataObject):
    damaged = bytearray(GOOD[export])
    places = st.lists(st.integers(0, len(damaged) - 1), max_size=4)
    for place in data.draw(places):
        damaged[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(len(damaged) // 2, len(damaged)))
    read_with_all(bytes(damaged[:end]))


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "(",
            ")",
            "](",
            "](a",
            "](a)",
            "](<",
            "](<a",
            "](a(b)",
            "](a.md",
            "(a(b)",
            "((a)",
            "(a.md",
            "]( ",
            "[[",
            "[[a",
            "[[a#",
            "[[a|",
            "![[a]]",
            "[a]:",
            "[a]: ",
            "[a]: b.md \n",
            "> ",
        ),
        *(
            "# ",
            " \n",
            "a: b\n",
            "Tags:",
            "Tags: a,",
            "\\",
            "`",
            "`a",
            "`a``",
            "`\n\n",
            "```\n",
            "~~~\n> ",
            ":/0",
            f":/{IDS[0]}",
            '"',
            '",',
            "\n\n",
        ),
    ],
)
def test_hostile_texts_take_no_longer_than_others(piece: str):
    """One that took a time of the square of its length would not end here."""
    text = piece * (200_000 // len(piece))
    links.rewritten_relations(links.rewritten(text, {}.get), {}.get)
    links.rewritten_wiki(text, {}.get)
    raw = f"t\n\n{text}\n\nid: {IDS[0]}\ntype_: 1"
    title = f"Title {IDS[0]}"
    read_with_all(
        zipped({f"{title}.md": text, f"{title}.csv": text, f"{IDS[1]}.md": raw, "a.md": text})
    )


def notion_file(path: Path, pages: int) -> Path:
    """A database of that many rows, with 5 KB in each page."""
    rows = [Page(f"Row {number}", properties={"Tags": "a"}) for number in range(pages)]
    text = f"[Other](Other%20{id_of('x')}.md)\n" * 5 + "text\n" * 1000
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in notion(Database("Rows", rows=rows)).items():
            archive.writestr(name, content + text if name.endswith(".md") else content)
    return path


def joplin_file(path: Path, notes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(notes):
            title = f"Note {number}"
            link = f"[a](:/{id_of(f'Note {number - 1}')})\n"
            archive.writestr(
                *joplin("note", title, link + "text\n" * 1000, parent_id=id_of("book"))
            )
            archive.writestr(*tagging(title, "tag"))
        archive.writestr(*joplin("tag", "tag"))
        archive.writestr(*joplin("folder", "book"))
    return path


@pytest.mark.parametrize(
    ("reader", "make"), [(notion_reader, notion_file), (joplin_reader, joplin_file)]
)
def test_memory_does_not_grow_with_the_number_of_notes(reader, make, tmp_path: Path):
    peaks, counts = [], (100, 800)
    for count in counts:
        with make(tmp_path / str(count), count).open("rb") as file:
            tracemalloc.start()
            with Archive([("upload.zip", file)], MAX_UNPACKED) as archive:
                assert (
                    sum(isinstance(each, Item) for each in reader.read(archive)(address)) >= count
                )
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    # What is kept of a note is its place, not its 5 KB.
    assert peaks[1] - peaks[0] < 200 * (counts[1] - counts[0])
