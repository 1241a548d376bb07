"""Joplin's JEX and RAW exports become notes."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.notes.transfer.foreign_exports import id_of, joplin, tagging, tarred, zipped
from tests.notes.transfer.reading import Result
from transfer import joplin as reader


def result(*files: tuple[str, str], **others: bytes) -> Result:
    return Result(reader, tarred(dict(files) | others))


def path(title: str) -> str:
    return f"/at/joplin:{id_of(title)}"


def test_a_note_arrives_to_the_letter():
    body = "# Heading\n\nkey: value\n\ttab  \r\n\n\n\n- [ ] one\n\ntype_: 2\n\nlast: line"
    item = result(joplin("note", "Groceries", body))["Groceries"]
    assert item.content == body
    assert item.key == f"joplin:{id_of('Groceries')}"
    assert item.source == f"{id_of('Groceries')}.md (Groceries)"
    assert item.created_at == datetime(2018, 5, 17, 8, 30, 1, 250_000, UTC)
    assert item.updated_at == datetime(2019, 5, 17, 8, 30, 1, 250_000, UTC)
    assert (item.tags, item.is_archived) == ((), False)


def test_notes_without_text_or_title():
    notes = (
        joplin("note", "Only title"),
        joplin("note", "\u200b", "\nFirst line\nsecond", id=id_of("x")),
    )
    read = result(*notes, joplin("note", "", "", id=id_of("y")))
    assert [(item.title, item.content) for item in read.items] == [
        ("Only title", None),
        ("First line", "\nFirst line\nsecond"),
        ("Untitled", None),
    ]


def test_a_title_longer_than_a_note_has_room_for_is_cut_and_said():
    read = result(joplin("note", "x" * 501, "text"))
    assert read.titles == ["x" * 499 + "…"]
    assert read.reasons == ["The title is cut off after 500 characters."]


def test_tags_and_the_notebook_are_tags():
    files = (
        joplin("folder", "Work"),
        joplin("folder", "2024", parent_id=id_of("Work")),
        joplin("note", "Plan", parent_id=id_of("2024")),
        joplin("tag", "urgent"),
        joplin("tag", "Über"),
        tagging("Plan", "urgent"),
        tagging("Plan", "Über"),
        tagging("Plan", "no such tag"),
    )
    assert result(*files)["Plan"].tags == ("work/2024", "urgent", "über")


def test_notebooks_that_no_tag_has_room_for():
    deep = [
        joplin("folder", f"{'n' * 60} {n}", parent_id=id_of(f"{'n' * 60} {n - 1}")) for n in (1, 2)
    ]
    note = joplin("note", "a", parent_id=id_of(f"{'n' * 60} 2"))
    circle = joplin("folder", "circle", parent_id=id_of("circle"))
    inside = joplin("note", "b", parent_id=id_of("circle"))
    ring = [joplin("folder", name, parent_id=id_of(above)) for name, above in ("xy", "yx")]
    in_ring = joplin("note", "d", parent_id=id_of("x"))
    dots = joplin("folder", "..")
    under_dots = joplin("note", "c", parent_id=id_of(".."))
    read = result(*deep, note, circle, inside, *ring, in_ring, dots, under_dots)
    assert read["a"].tags == (f"{'n' * 60} 2",)
    assert read["b"].tags == ("circle",)
    assert read["d"].tags == ("y/x",)
    assert read["c"].tags == ()
    missing, left_out = read.lost
    assert missing.source == f"{note[0]} (a)"
    assert missing.reason == "A notebook that it is in is not in the export."
    assert "The tag .. is left out" in left_out.reason


def test_a_notebook_that_is_missing_is_said():
    read = result(joplin("note", "a", parent_id=id_of("gone")), joplin("note", "b"))
    assert read["a"].tags == ()
    assert read.reasons == ["A notebook that it is in is not in the export."]


def test_links_lead_to_notes_and_stay_where_they_do_not():
    other = id_of("Other")
    body = (
        f"[a](:/{other}) [b](:/{other.upper()}#part) <a href=':/{other}'> "
        f"[c](joplin://x-callback-url/openNote?id={other}) ![pic](:/{id_of('photo.png')}) "
        f"[gone](:/{id_of('gone')}) `:/{other}0` [book](:/{id_of('Book')})"
    )
    files = joplin("note", "Note", body), joplin("note", "Other"), joplin("folder", "Book")
    read = result(*files, joplin("resource", "photo.png"), **{"resources/x.png": b"png"})
    assert read["Note"].content == (
        f"[a]({path('Other')}) [b]({path('Other')}#part) <a href='{path('Other')}'> "
        f"[c]({path('Other')}) ![pic](:/{id_of('photo.png')}) "
        f"[gone](:/{id_of('gone')}) `:/{other}0` [book](:/{id_of('Book')})"
    )
    assert read.reasons == [
        "Files are not kept here; the links to them stay as they were: photo.png.",
        f"It links to what is not in the export, or not taken: :/{id_of('gone')}.",
        "It links to notebooks, which are tags here: Book.",
    ]
    assert read.titles == ["Note", "Other"]


def test_code_stays_to_the_letter():
    link = f":/{id_of('Other')}"
    body = f"`curl {link}`\n\n```sh\nget [x]({link}) {link}\n```\n\n"
    other = joplin("note", "Other")
    read = result(joplin("note", "Note", f"{body}[x]({link})"), other)
    assert read["Note"].content == f"{body}[x]({path('Other')})"
    assert read["Note"].relink(read["Note"].content, path) == read["Note"].content
    # In HTML a backtick is a character.
    read = result(joplin("note", "Page", f"<p>` {link} `</p>", markup_language=2), other)
    assert read["Page"].content == f"<p>` {path('Other')} `</p>"


def test_to_dos_and_conflicts_are_tagged():
    read = result(
        joplin("note", "open", is_todo=1, todo_due=1_700_000_000_000),
        joplin("note", "closed", is_todo=1, todo_completed=1_700_000_000_000),
        joplin("note", "both", is_conflict=1),
    )
    assert [item.tags for item in read.items] == [("todo",), ("done",), ("conflict",)]
    assert read["open"].content == "Due: 2023-11-14 22:13 UTC\n"
    for due in ("9" * 20, "-1"):
        note = joplin("note", "odd", is_todo=1, todo_due=due)
        assert result(note)["odd"].content == f"Due: {due}\n"


def test_what_a_note_has_no_place_for_is_at_its_end():
    note = joplin("note", "clip", "text\n", source_url="https://example.com/", author="Scott")
    assert result(note)["clip"].content == "text\n\nSource: https://example.com/\nAuthor: Scott\n"


def test_an_html_note_keeps_its_html():
    read = result(joplin("note", "page", "<p>a</p>", markup_language=2))
    assert read["page"].content == "<p>a</p>"
    assert read.reasons == ["It is an HTML note: its text is the HTML."]


def test_what_is_encrypted_or_in_the_trash_is_refused():
    read = result(
        joplin("note", "", id=id_of("e"), encryption_applied=1, encryption_cipher_text="JED01…"),
        joplin("note", "old", deleted_time=1_700_000_000_000),
        joplin("note", "good"),
    )
    assert read.titles == ["good"]
    assert "decrypt" in read.refused[f"{id_of('e')}.md"]
    assert "trash" in read.refused[f"{id_of('old')}.md (old)"]


def test_other_items_are_no_notes():
    read = result(joplin("note", "a"), joplin("revision", "", item_id=id_of("a")))
    assert (read.titles, read.refused, read.lost) == (["a"], {}, [])


def test_what_cannot_be_read_is_refused_alone():
    bad = {f"{id_of('1')}.md": "no item", f"{id_of('2')}.md": b"\xff\xfe", f"{id_of('3')}.md": ""}
    name, text = joplin("note", "no times", created_time="never", user_created_time="0000-01-01")
    read = Result(reader, tarred({**bad, **dict([joplin("note", "good")]), name: text}))
    assert set(read.refused) == set(bad)
    assert read["no times"].created_at is None
    assert read["good"].content is None


def test_an_attached_file_is_no_item():
    name, text = joplin("note", "attached")
    read = Result(reader, tarred(dict([joplin("note", "a")]) | {f"resources/{name}": text}))
    assert (read.titles, list(read.refused)) == (["a"], [f"resources/{name}"])


def test_a_raw_folder_may_be_packed_as_zip():
    files = dict([joplin("note", "a", f"[b](:/{id_of('b')})"), joplin("note", "b")])
    read = Result(reader, zipped({f"raw/{name}": text for name, text in files.items()}))
    assert read["a"].content == f"[b]({path('b')})"
