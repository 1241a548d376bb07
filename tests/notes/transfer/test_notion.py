"""Notion's "Markdown & CSV" export becomes notes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.notes.transfer.foreign_exports import (
    Database,
    Page,
    id_of,
    notion,
    target,
    zipped,
)
from tests.notes.transfer.reading import Result
from transfer import notion as reader


def result(*roots: Page, ids_in_folders: bool = True) -> Result:
    return Result(reader, zipped(notion(*roots, ids_in_folders=ids_in_folders)))


def path(title: str) -> str:
    return f"/at/notion:{id_of(title)}"


def test_a_page_is_a_note_with_its_text_to_the_letter():
    text = (
        "## Heading\n\n<aside>\n💡 A callout\n\n</aside>\n\n- Toggle\n    \n    Inside\n    \n\n"
        "$$\nE = mc^2\n$$\n\n```python\n# no title\n```\n\ttab  \r\nend"
    )
    item = result(Page("Groceries", text))["Groceries"]
    assert item.content == text
    assert item.key == f"notion:{id_of('Groceries')}"
    assert item.source == f"Groceries {id_of('Groceries')}.md"
    assert (item.tags, item.is_archived, item.created_at) == ((), False, None)


def test_the_title_is_whole_where_the_name_of_the_file_is_not():
    title = "Why is C# / F# so *different* from what was said in 2019?"
    assert result(Page(title)).titles == [title]


def test_a_title_longer_than_a_note_has_room_for_stays_in_the_text():
    title = "x" * 501
    [item] = result(Page(title, "Text")).items
    assert item.title == "x" * 499 + "…"
    assert item.content == f"# {title}\n\nText"


def test_pages_without_text_and_without_title():
    files = {f"Empty {id_of('1')}.md": "", f"{id_of('2')}.md": "# \n\ntext"}
    read = Result(reader, zipped(files))
    assert [(item.title, item.content) for item in read.items] == [
        ("Empty", None),
        ("Untitled", "text"),
    ]


@pytest.mark.parametrize("ids_in_folders", [True, False])
def test_links_between_pages_lead_to_their_notes(ids_in_folders: bool):
    deep = Page("Deep (1) plan", "[up](../../Home%20{}.md#block)".format(id_of("Home")))
    child = Page("Sub page", "", [deep])
    home = Page("Home", f"See [Sub page]({target(Page('Home'), child)}).", [child])
    child.text = f"[Deep (1) plan]({target(child, deep)}) and [web](https://example.com/a.md)"
    read = result(home, ids_in_folders=ids_in_folders)
    assert read["Home"].content == f"See [Sub page]({path('Sub page')})."
    assert read["Sub page"].content == (
        f"[Deep (1) plan]({path('Deep (1) plan')}) and [web](https://example.com/a.md)"
    )
    assert read["Deep (1) plan"].content == f"[up]({path('Home')})"
    assert read.lost == []


def test_links_with_one_parenthesis_in_their_names():
    pages = Page("1) First"), Page("Sad :("), Page("見出し 一")
    links = " ".join(f"([{page.title}]({target(page)}))" for page in pages)
    read = result(Page("List", links), *pages)
    assert read["List"].content == " ".join(
        f"([{page.title}]({path(page.title)}))" for page in pages
    )


def test_links_by_address_lead_to_the_notes_of_pages_that_are_there():
    there, elsewhere = id_of("There"), id_of("Elsewhere")
    text = (
        f"[a](https://www.notion.so/There-{there}?pvs=21) "
        f"[b](https://acme.notion.site/{there[:8]}-{there[8:12]}-{there[12:16]}-{there[16:20]}"
        f"-{there[20:]}) [c](https://www.notion.so/{elsewhere})"
    )
    read = result(Page("Here", text), Page("There"))
    assert read["Here"].content == (
        f"[a]({path('There')}) [b]({path('There')}) [c](https://www.notion.so/{elsewhere})"
    )


def test_links_to_pages_that_are_not_in_the_export_are_said():
    text = f"[Gone](Home/Gone%20{id_of('Gone')}.md)"
    read = result(Page("Home", text))
    assert read["Home"].content == text
    assert read.reasons == ["It links to what is not in the export, or not taken: Gone."]


def test_attached_files_are_said_and_their_links_kept():
    text = "![image.png](Trip/image.png) [map.pdf](Trip/map%20(1).pdf) ![](https://a.example/b.png)"
    files = notion(Page("Trip", text)) | {"Trip/image.png": b"\x89PNG", "Trip/map (1).pdf": b"%PDF"}
    read = Result(reader, zipped(files))
    assert read["Trip"].content == text
    reason = "Files are not kept here; the links to them stay as they were: image.png, map (1).pdf."
    assert read.reasons == [reason]


def test_an_attached_table_is_a_file():
    files = notion(Page("Data", "[data.csv](Data/data.csv)")) | {"Data/data.csv": "a,b\n1,2\n"}
    read = Result(reader, zipped(files))
    assert read.titles == ["Data"]
    assert "data.csv" in read.reasons[0]


def test_pages_that_their_parent_does_not_link_to_are_listed_in_it():
    linked, unlinked = Page("Linked"), Page("Not [linked]")
    text = f"[Linked]({target(Page('Home'), linked)})\n"
    read = result(Page("Home", text, [linked, unlinked]))
    assert read["Home"].content == (
        f"[Linked]({path('Linked')})\n\n- [Not \\[linked\\]]({path('Not [linked]')})\n"
    )


def row_of(time: str) -> Page:
    return Page("row", properties={"Created": time})


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("@May 1, 2021 8:00 AM (GMT+2)", datetime(2021, 5, 1, 6, tzinfo=UTC)),
        ("2024/11/01 10:30 (GMT+1)", datetime(2024, 11, 1, 9, 30, tzinfo=UTC)),
        ("November 1, 2024 10:30 PM (GMT-3:30)", datetime(2024, 11, 2, 2, tzinfo=UTC)),
        ("2024/11/01 10:30 (UTC)", datetime(2024, 11, 1, 10, 30, tzinfo=UTC)),
        ("May 1, 2021", datetime(2021, 5, 1, tzinfo=UTC)),
        ("2021/05/01 20:15", datetime(2021, 5, 1, 20, 15, tzinfo=UTC)),
        ("2021-05-01", datetime(2021, 5, 1, tzinfo=UTC)),
        ("2021-5-1 20:15", datetime(2021, 5, 1, 20, 15, tzinfo=UTC)),
        ("2021-05-01T10:00:00Z", datetime(2021, 5, 1, 10, tzinfo=UTC)),
        ("2021-05-01T10:00:00.000+02:00", datetime(2021, 5, 1, 8, tzinfo=UTC)),
        ("01/05/2021", None),
        ("yesterday", None),
        ("2024/11/01 10:30 (EST)", None),
        ("0001-01-01 00:30 (GMT+1)", None),
        ("", None),
    ],
)
def test_times_that_can_be_told(text: str, time: datetime | None):
    read = result(Page("a", f"Created: {text}"), Database("b", without_page=[row_of(text)]))
    assert (read["a"].created_at, read["row"].created_at) == (time, time)
    reason = f"No time that is read here: {text}. It stays in the text."
    assert read.reasons == [reason] * (2 if text and not time else 0)


def test_only_the_first_lines_are_properties():
    item = result(Page("a", "Status: x\n\nTags: b\nCreated: May 1, 2021"))["a"]
    assert (item.tags, item.created_at) == ((), None)


def test_what_cannot_be_read_is_refused_alone():
    files = notion(Page("Good"), Database("Good table", rows=[Page("row")]))
    files |= {
        f"Latin {id_of('1')}.md": "# Café".encode("latin-1"),
        f"Table {id_of('2')}.csv": b"Name,Text\na,1\nb,\xff\n",
        f"Long {id_of('3')}.csv": "Name,Text\nfirst,1\nb," + "x" * 1_100_000,
        f"Empty {id_of('4')}.csv": "",
    }
    read = Result(reader, zipped(files))
    assert "UTF-8" in read.refused[f"Latin {id_of('1')}.md"]
    assert "UTF-8" in read.refused[f"Table {id_of('2')}.csv:1"]
    assert f"Long {id_of('3')}.csv:3" in read.refused
    assert {"Good", "Good table", "row", "first", "Table", "Long", "Empty"} == set(read.titles)


def test_tags_that_cannot_be_are_said():
    read = result(Page("a", "Tags: ok, " + "x" * 101 + "\n\ntext"))
    assert read["a"].tags == ("ok",)
    assert "100 characters" in read.reasons[0]
    many = result(Page("a", "Tags: " + ",".join(map(str, range(60)))))
    assert len(many["a"].tags) == 50
    assert "first 50" in many.reasons[0]
