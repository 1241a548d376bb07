"""The databases of Notion's export become lists of notes."""

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
from tests.notes.transfer.test_notion import path, result
from transfer import notion as reader


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


def test_cells_beyond_the_header_are_said():
    table = f"Tasks {id_of('Tasks')}.csv"
    read = Result(reader, zipped({table: "Name,Status\na,b,c,,d\ne,f,\n"}))
    assert read["a"].content == "Status: b\n"
    assert [(each.source, each.reason) for each in read.lost] == [
        (f"{table}:2", "The row has more cells than the table's header; left out: c, d.")
    ]


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
