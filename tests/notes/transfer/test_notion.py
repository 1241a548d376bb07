"""Notion's "Markdown & CSV" export becomes notes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.notes.transfer.foreign_exports import (
    Database,
    Page,
    id_of,
    in_parts,
    notion,
    target,
    zipped,
)
from tests.notes.transfer.reading import Result
from transfer import notion as reader
from transfer.errors import Broken, UnknownFormat


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
    assert read.reasons == ["It links to what the export does not have: Gone."]


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


def test_rows_of_a_database_are_notes_with_their_properties():
    tv = Page(
        "Samsung TV", "Big.", properties={"Status": "Done", "Tags": "Home, TV", "Created": ""}
    )
    tv.properties |= {
        "Created": "March 27, 2020 9:15 PM",
        "Last edited time": "May 1, 2021 8:00 AM",
    }
    database = Database("Appliances", rows=[tv])
    item = result(database)["Samsung TV"]
    assert item.content == (
        "Status: Done\nTags: Home, TV\nCreated: March 27, 2020 9:15 PM\n"
        "Last edited time: May 1, 2021 8:00 AM\n\nBig."
    )
    assert item.tags == ("home", "tv")
    assert item.created_at == datetime(2020, 3, 27, 21, 15, tzinfo=UTC)
    assert item.updated_at == datetime(2021, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("@May 1, 2021 8:00 AM (GMT+2)", datetime(2021, 5, 1, 8, tzinfo=UTC)),
        ("May 1, 2021", datetime(2021, 5, 1, tzinfo=UTC)),
        ("2021/05/01 20:15", datetime(2021, 5, 1, 20, 15, tzinfo=UTC)),
        ("2021-05-01", datetime(2021, 5, 1, tzinfo=UTC)),
        ("01/05/2021", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_that_can_be_told(text: str, time: datetime | None):
    assert result(Page("a", f"Created: {text}"))["a"].created_at == time


def test_only_the_first_lines_are_properties():
    item = result(Page("a", "Status: x\n\nTags: b\nCreated: May 1, 2021"))["a"]
    assert (item.tags, item.created_at) == ((), None)


@pytest.mark.parametrize("ids_in_folders", [True, False])
def test_a_database_is_a_list_of_all_of_its_rows(ids_in_folders: bool):
    rows = [Page(title, properties={"Tags": "a"}) for title in ("One ", "Two [2]", "Three")]
    database = Database("Things", rows=rows, hidden=2)
    home = Page("Home", f"[Things]({target(Page('Home'), database, ending='.csv')})", [database])
    read = result(home, ids_in_folders=ids_in_folders)
    assert read["Home"].content == f"[Things]({path('Things')})"
    assert read["Things"].key == f"notion:{id_of('Things')}"
    assert read["Things"].content == (
        f"- [One]({path('One ')})\n- [Two \\[2\\]]({path('Two [2]')})\n- [Three]({path('Three')})\n"
    )
    assert sorted(read.titles) == ["Home", "One", "Things", "Three", "Two [2]"]


def test_rows_without_a_page_are_notes_as_well():
    project = Page("Moon")
    rows = [
        Page("Twice", properties={"Status": "To do", "Tags": "x", "Project": ""}),
        Page("Twice", properties={"Status": "Done", "Project": f"Moon ({target(project)})"}),
        Page("", properties={"Notes": "two\nlines"}),
    ]
    database = Database("Tasks", rows=[Page("With page")], without_page=rows)
    read = result(database, project)
    made = [item for item in read.items if ":1:" in item.key or ":2:" in item.key]
    assert [(item.title, item.content, item.tags) for item in made] == [
        ("Twice", "Status: To do\nTags: x\n", ("x",)),
        ("Twice", f"Status: Done\nProject: Moon ({path('Moon')})\n", ()),
        ("Untitled", "Notes: two\nlines\n", ()),
    ]
    assert read["Tasks"].content.count("\n") == 4
    assert len({item.key for item in read.items}) == len(read.items) == 6


def test_rows_whose_titles_are_written_otherwise_in_their_pages_are_not_doubled():
    database = Database("Tasks", rows=[Page("a"), Page("b")])
    files = notion(database)
    for name in list(files):
        if name.endswith("_all.csv"):
            files[name] = files[name].replace("\nb\n", "\nB!\n")
    read = Result(reader, zipped(files))
    assert sorted(read.titles) == ["Tasks", "a", "b"]
    assert read["Tasks"].content == f"- [a]({path('a')})\n- [b]({path('b')})\n"


def test_rows_have_their_pages_in_an_export_without_folders():
    rows = [Page("One", "text", properties={"Status": "Done"}), Page("Two")]
    database = Database("Tasks", rows=rows, without_page=[Page("Plan", properties={"Status": "x"})])
    files = notion(Page("Plan", "Status quo", id=id_of("other")), database)
    files = {path.rpartition("/")[2]: content for path, content in files.items()}
    read = Result(reader, zipped(files))
    assert sorted(read.titles) == ["One", "Plan", "Plan", "Tasks", "Two"]
    assert read["Tasks"].content == (
        f"- [One]({path('One')})\n- [Two]({path('Two')})\n- [Plan]({path('Tasks')}:1:Plan)\n"
    )


def test_a_row_has_its_page_by_the_whole_title():
    long = "Everything that has to be done before the winter of 2026 comes"
    read = result(Database("Tasks", rows=[Page(long)], without_page=[Page("a")]))
    assert sorted(read.titles) == [long, "Tasks", "a"]


def test_a_list_is_as_long_as_a_note_has_room_for():
    rows = [Page(f"{number} {'x' * 90}") for number in range(6000)]
    read = result(Database("Tasks", without_page=rows))
    assert len(read.items) == 6001
    assert 1_048_300 < len(read["Tasks"].content) <= 1_048_576
    listed = read["Tasks"].content.count("\n")
    assert read.reasons == [f"The list has room for {listed:,} of 6,000 links. All are notes."]


def test_a_view_of_a_database_makes_no_row_twice():
    rows = [Page(title, properties={"Status": title, "Due": "today"}) for title in "abc"]
    database = Database("Tasks", rows=rows[:2], without_page=rows[2:])
    files = notion(database) | {f"Board {id_of('Board')}.csv": "Status,Name\nc,c\na,a\n"}
    files[f"Board {id_of('Board')}.csv"] = "Name,Status\nc,c\na,a\n"
    read = Result(reader, zipped(files))
    assert sorted(read.titles) == ["Board", "Tasks", "a", "b", "c"]
    assert read["Board"].content == f"- [c]({path('Tasks')}:1:c)\n- [a]({path('a')})\n"


def test_another_table_with_the_same_titles_is_no_view():
    database = Database("Tasks", rows=[Page("a", properties={"Status": "1"})])
    files = notion(database) | {f"Old {id_of('Old')}.csv": "Name,Status\na,2\n"}
    read = Result(reader, zipped(files))
    assert sorted(read.titles) == ["Old", "Tasks", "a", "a"]


def test_parts_are_one_export():
    home = Page("Home", "", [Page("Sub page"), Page("Other")])
    home.text = (
        f"[Sub page]({target(home, home.children[0])}) [Other]({target(home, home.children[1])})"
    )
    read = Result(reader, in_parts(notion(home), 2))
    assert sorted(read.titles) == ["Home", "Other", "Sub page"]
    assert read["Home"].content == f"[Sub page]({path('Sub page')}) [Other]({path('Other')})"


@pytest.mark.parametrize("missing", [1, 2])
def test_a_missing_part_ends_the_import(missing: int):
    files = notion(*(Page(title) for title in "abcdef"))
    with pytest.raises(Broken, match=rf"Export-[-0-9a-f]+-Part-{missing}\.zip"):
        Result(reader, in_parts(files, 3, without=missing))


def test_a_damaged_part_ends_the_import():
    part = zipped(notion(Page("a")))
    with pytest.raises(Broken):
        Result(reader, zipped({"Export-1-Part-1.zip": part, "Export-1-Part-2.zip": part[:-30]}))


def test_a_second_part_alone_ends_the_import():
    name = "7f3e_Export-3c2d9f1a-0b7e-4a52-9d4b-6f1e2a3b4c5d-Part-2.zip"
    with pytest.raises(Broken, match="Part-1"):
        Result(reader, zipped(notion(Page("a"))), name=name)


def test_the_same_page_in_two_parts_is_one_note():
    files = notion(Page("a"))
    assert Result(reader, zipped(files), zipped(files)).titles == ["a"]


def test_an_export_of_html_says_what_to_choose():
    with pytest.raises(UnknownFormat, match="Markdown & CSV"):
        Result(reader, zipped({f"Home {id_of('Home')}.html": "<html>"}))


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


def test_keys_without_ids_are_the_same_in_every_export():
    keys = set()
    for export in ("3c2d9f1a-0b7e-4a52-9d4b-6f1e2a3b4c5d", "1-" * 18):
        files = {
            f"Export-{export}/Home/Plan.md": "# Plan",
            f"Export-{export}/A {id_of('A')}.md": "",
        }
        keys.add(frozenset(item.key for item in Result(reader, zipped(files)).items))
    assert keys == {frozenset({"notion:Home/Plan.md", f"notion:{id_of('A')}"})}


def test_names_in_either_form_of_unicode_are_the_same_page():
    files = {
        f"Start {id_of('Start')}.md": "# Start\n\n[x](Cafe%CC%81/Plan.md)",
        "Cafe\u0301/Plan.md": "# Plan",
    }
    read = Result(reader, zipped(files))
    assert read["Start"].content == "[x](/at/notion:Caf\u00e9/Plan.md)"
