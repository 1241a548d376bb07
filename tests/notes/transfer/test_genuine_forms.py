"""Exports in the form that Notion of 2025 and Joplin 3 give them, file by file."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime

import pytest

from tests.notes.transfer.foreign_exports import zipped
from tests.notes.transfer.reading import Result
from transfer import joplin, notion
from transfer.errors import Broken

BLOCK = "ExportBlock-dc7ab407-194d-4842-8973-39f47c353e1d"
DOWNLOAD = f"c986fbf9-ce0d-4975-9f2c-9ced88f51755_{BLOCK}.zip"
SHARED = "Private & Shared"
HOME, TASKS, MILK, BREAD = (f"1c0f5a7be3d280{n}9a4fd3c5e8b7a6f{n}e" for n in "1234")
CSV = (
    '\ufeff"Task, name",Status,Tags,Notes\nBuy milk,Done,"food, home",\n'
    'Bake "rye" bread,,,"first line\nsecond, line"\nNo page,Open,,\n'
).replace('Bake "rye" bread', '"Bake ""rye"" bread"')
NOTION: dict[str, str | bytes] = {
    f"{SHARED}/Home: plans, 2025 {HOME}.md".replace(":", ""): (
        "# Home: plans, 2025\n\n"
        f"[Tasks](Home%20plans,%202025/Tasks%20{TASKS}.csv)\n\n"
        f"[Buy milk](Home%20plans,%202025/Tasks/Buy%20milk%20{MILK}.md)\n\n"
        "![a b.png](Home%20plans,%202025/a_b.png)\n\n[old.zip](Home%20plans,%202025/old.zip)\n"
    ),
    f"{SHARED}/Home plans, 2025/Tasks {TASKS}.csv": '\ufeff"Task, name",Status\nBuy milk,Done\n',
    f"{SHARED}/Home plans, 2025/Tasks {TASKS}_all.csv": CSV,
    f"{SHARED}/Home plans, 2025/Tasks/Buy milk {MILK}.md": (
        "# Buy milk\n\nStatus: Done\nTags: food, home\nCreated: March 27, 2025 9:15 PM\n\nTwo.\n"
    ),
    f"{SHARED}/Home plans, 2025/Tasks/Bake rye bread {BREAD}.md": (
        '# Bake "rye" bread\n\nNotes: first line\nsecond, line\n'
    ),
    f"{SHARED}/Home plans, 2025/a_b.png": b"\x89PNG",
    f"{SHARED}/Home plans, 2025/old.zip": zipped({"inside.md": "# Not a page"}),
}


def read_notion(files: dict[str, str | bytes], part: str = "Part-1") -> Result:
    return Result(notion, zipped({f"{BLOCK}-{part}.zip": zipped(files)}), name=DOWNLOAD)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_download_of_notion(line_end: str):
    table = f"{SHARED}/Home plans, 2025/Tasks {TASKS}_all.csv"
    read = read_notion(NOTION | {table: CSV.replace("\n", line_end)})
    assert sorted(read.titles) == [
        'Bake "rye" bread',
        "Buy milk",
        "Home: plans, 2025",
        "No page",
        "Tasks",
    ]
    home = read["Home: plans, 2025"]
    assert (home.key, home.tags) == (f"notion:{HOME}", ())
    assert home.content == (
        f"[Tasks](/at/notion:{TASKS})\n\n[Buy milk](/at/notion:{MILK})\n\n"
        "![a b.png](Home%20plans,%202025/a_b.png)\n\n[old.zip](Home%20plans,%202025/old.zip)\n"
    )
    assert read.reasons == [
        "Files are not kept here; the links to them stay as they were: a_b.png, old.zip."
    ]
    assert read["Buy milk"].tags == ("food", "home")
    assert read["Buy milk"].created_at == datetime(2025, 3, 27, 21, 15, tzinfo=UTC)
    assert read["No page"].content == "Status: Open\n"
    assert read["Tasks"].content == (
        f"- [Buy milk](/at/notion:{MILK})\n"
        f'- [Bake "rye" bread](/at/notion:{BREAD})\n'
        f"- [No page](/at/notion:{TASKS}:1:No page)\n"
    )
    assert not read.refused


@pytest.mark.parametrize("part", ["Part-2", "Part-2 (1)", "Part-2(1)"])
def test_a_download_of_notion_without_its_first_part(part: str):
    with pytest.raises(Broken, match=f"{BLOCK}-Part-1.zip"):
        read_notion(NOTION, part)


def test_a_page_that_notion_exports_in_two_places_is_one_note():
    name = f"Buy milk {MILK}.md"
    read = read_notion(NOTION | {f"{SHARED}/{name}": "# Buy milk\n\nagain"})
    assert read.titles.count("Buy milk") == 1
    assert list(read.refused) == [f"{SHARED}/{name}"]
    assert f"/at/notion:{MILK}" in str(read["Home: plans, 2025"].content)


def item(kind: int, number: int, head: str = "", **values: object) -> tuple[str, str]:
    """A file of Joplin's: what it writes, in its order; of what is encrypted the keys alone."""
    identifier = f"{number:032x}"
    stated = {"id": identifier, **values, "type_": kind}
    lines = "\n".join(f"{name}: {value}" for name, value in stated.items())
    return f"{identifier}.md", f"{head}\n\n{lines}" if head else lines


def note(number: int, head: str, **values: object) -> tuple[str, str]:
    times = dict.fromkeys(("created_time", "updated_time"), "2020-05-17T08:30:01.250Z")
    users = {f"user_{name}": value.replace("2020", "2019") for name, value in times.items()}
    stated = {
        **({"parent_id": f"{2:032x}"} | times | {"is_conflict": 0, "latitude": "0.00000000"}),
        "longitude": "0.00000000",
        "altitude": "0.0000",
        "author": "",
        "source_url": "",
        "is_todo": 0,
        "todo_due": 0,
        "todo_completed": 0,
        "source": "joplin-desktop",
        "source_application": "net.cozic.joplin-desktop",
        "application_data": "",
        "order": 0,
        **(users | {"encryption_cipher_text": "", "encryption_applied": 0, "markup_language": 1}),
        "is_shared": 0,
        "share_id": "",
        "conflict_original_id": "",
        "master_key_id": "",
        "user_data": "",
        "deleted_time": 0,
    }
    return item(1, number, head, **(stated | values))


def read_joplin(
    *files: tuple[str, str], form: int = tarfile.PAX_FORMAT, before: str = ""
) -> Result:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as packed:
        folder = tarfile.TarInfo("resources")
        folder.type = tarfile.DIRTYPE
        packed.addfile(folder)
        for name, text in (*files, (f"resources/{4:032x}.md", "attached")):
            info = tarfile.TarInfo(f"{before}{name}")
            # A part of a second makes a pax header.
            info.size, info.mtime = len(text.encode()), 1_700_000_000.25
            packed.addfile(info, io.BytesIO(text.encode()))
    return Result(joplin, buffer.getvalue(), name="notes.jex")


@pytest.mark.parametrize("before", ["", "./"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_all_kinds_of_items_in_a_jex_file(form: int, before: str):
    plan = f"Plan\n\n- [x] see [this](:/{4:032x}) and [that](:/{7:032x}#part)\n\nkey: value"
    read = read_joplin(
        note(1, plan, is_todo=1, todo_due=1_700_000_000_000, todo_completed=1_700_000_000_000),
        item(2, 2, "Work", parent_id="", icon='{"emoji":"x"}', deleted_time=0),
        item(4, 4, "photo.md", mime="text/markdown", filename="", encryption_blob_encrypted=0),
        item(5, 5, "urgent", parent_id=""),
        item(6, 6, note_id=f"{1:032x}", tag_id=f"{5:032x}", is_shared=0),
        note(7, "Other", is_todo=1),
        item(13, 8, item_type=1, item_id=f"{1:032x}", title_diff="[]", body_diff="[]"),
        form=form,
        before=before,
    )
    assert read.titles == ["Plan", "Other"]
    assert read["Plan"].tags == ("work", "done", "urgent")
    assert read["Other"].tags == ("work", "todo")
    assert read["Plan"].created_at == datetime(2019, 5, 17, 8, 30, 1, 250_000, UTC)
    assert read["Plan"].content == (
        f"- [x] see [this](:/{4:032x}) and [that](/at/joplin:{7:032x}#part)\n\nkey: value\n\n"
        "Due: 2023-11-14 22:13 UTC\n"
    )
    assert read["Other"].content is None
    assert not read.refused
    assert len(read.reasons) == 1
    assert "photo.md" in read.reasons[0]


def test_what_joplin_has_encrypted_is_refused_and_the_rest_taken():
    secret = {"updated_time": "2020-05-17T08:30:01.250Z", "encryption_cipher_text": "JED01000"}
    secret["encryption_applied"] = "1"
    files = [item(kind, kind + 10, parent_id="", **secret) for kind in (1, 2, 4, 5, 6)]
    read = read_joplin(note(1, "open", parent_id=f"{12:032x}"), *files)
    assert (read.titles, read["open"].tags) == (["open"], ())
    assert list(read.refused) == [f"{11:032x}.md", f"resources/{4:032x}.md"]


def test_a_jex_file_of_one_note_has_no_notebook():
    read = read_joplin(note(1, "alone"))
    assert (read.titles, read["alone"].tags) == (["alone"], ())
    assert read.reasons == ["A notebook that it is in is not in the export."]
