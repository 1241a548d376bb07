"""What Notion's export comes in: parts, folders, names."""

from __future__ import annotations

import pytest

from tests.notes.transfer.foreign_exports import Page, id_of, in_parts, notion, target, zipped
from tests.notes.transfer.reading import Result
from tests.notes.transfer.test_notion import path
from transfer import notion as reader
from transfer.errors import Broken, UnknownFormat


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


@pytest.mark.parametrize("again", ["Export-1-Part-1 (1).zip", "b/Export-1-Part-1.zip", None])
def test_a_part_that_is_there_twice_ends_the_import(again: str | None):
    """Another was meant perhaps, and where that is the last no name tells that it is missing."""
    name, part = "Export-1-Part-1.zip", zipped(notion(Page("a")))
    files = [zipped({name: part, again: part})] if again else [part, part]
    with pytest.raises(Broken, match=r"There twice: Export-1-Part-1\.zip\."):
        Result(reader, *files, name=name)


def test_what_holds_the_parts_may_have_the_name_of_one():
    whole = zipped({"Export-1-Part-1.zip": zipped(notion(Page("a")))})
    assert Result(reader, whole, name="7f3e_Export-1-Part-1.zip").titles == ["a"]


def test_a_second_part_alone_ends_the_import():
    name = "7f3e_Export-3c2d9f1a-0b7e-4a52-9d4b-6f1e2a3b4c5d-Part-2.zip"
    with pytest.raises(Broken, match="Part-1"):
        Result(reader, zipped(notion(Page("a"))), name=name)


def test_the_same_page_in_two_parts_is_one_note():
    files = notion(Page("a"))
    assert Result(reader, zipped(files), zipped(files)).titles == ["a"]


@pytest.mark.parametrize("others", [{}, {f"Home/Tasks {id_of('Tasks')}.csv": "Name\nr1\n"}])
def test_an_export_of_html_says_what_to_choose(others: dict[str, str | bytes]):
    """Its tables alone would come without what is written in the pages."""
    files = {f"Home {id_of('Home')}.html": "<html>", "index.html": "<html>"}
    with pytest.raises(UnknownFormat, match="Markdown & CSV"):
        Result(reader, zipped(files | others))


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
