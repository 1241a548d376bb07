"""Links between files of a packed folder of Markdown files."""

import pytest

from tests.notes.transfer.foreign_exports import zipped
from tests.notes.transfer.moving import counts, take
from tests.notes.transfer.test_completed_imports import linked
from tests.notes.transfer.test_markdown_folder import read

FILES = {"Work/Plan.md": "", "Work/A (1).md": "", "x/Twice.md": "", "y/Twice.markdown": ""}
PLAN = "/at/markdown:Work/Plan.md"


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("[[Plan]] and", f"[Plan]({PLAN}) and"),
        ("[[plan.md]]", f"[plan.md]({PLAN})"),
        ("[[Work/Plan]]", f"[Work/Plan]({PLAN})"),
        ("[[Plan|the plan]]", f"[the plan]({PLAN})"),
        ("| [[Plan\\|the plan]] |", f"| [the plan]({PLAN}) |"),
        ("[[Plan#Next steps]]", f"[Plan#Next steps]({PLAN})"),
        ("![[Plan]]", f"[Plan]({PLAN})"),
        ("[[x/Twice]]", "[x/Twice](/at/markdown:x/Twice.md)"),
        ("[a]( ../Work/Plan.md )", f"[a]( {PLAN} )"),
        ("[a](../Work/A%20(1).md 'x')", "[a](/at/markdown:Work/A (1).md 'x')"),
        ("a\n\n[r]: ../Work/Plan.md\n", f"a\n\n[r]: {PLAN}\n"),
        ("> [r]: <../Work/Plan.md> 'x'", f"> [r]: <{PLAN}> 'x'"),
        ("[r]: ../Work/A%20(1).md", "[r]: /at/markdown:Work/A (1).md"),
    ],
)
def test_they_lead_to_notes(text, linked):
    done = read({**FILES, "Notes/a.md": text})
    assert done["a"].content == linked
    assert done.reasons == []


@pytest.mark.parametrize(
    "text",
    [
        "`[[Plan]]`",
        "[[Plan]](https://a.example/)",
        "[[#Next steps]] [[ ]] [[]] [[a]b]]",
        "[^1]: ../Work/Plan.md",
        "[Note]: ../Work/Plan.md is the plan",
        "[[a\nb]]",
    ],
)
def test_what_is_no_link_stays(text):
    done = read({**FILES, "Notes/a.md": text})
    assert (done["a"].content, done.reasons) == (text, [])


GONE = "It links to what is not in the export, or not taken"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[Gone|a]]", f"{GONE}: Gone."),
        ("[r]: gone.md", f"{GONE}: gone.md."),
        ("[a](../../out.md#b)", f"{GONE}: ../../out.md#b."),
        ("[a](/Work/Plan.md)", f"{GONE}: /Work/Plan.md."),
        (
            "![[pic.png|100]]",
            "Files are not kept here; the links to them stay as they were: pic.png.",
        ),
        ("[[Twice]]", "Several files have the name that it links to; the links stay: Twice."),
    ],
)
def test_what_cannot_be_followed_stays_and_is_said(text, said):
    done = read({**FILES, "files/pic.png": b"", "Notes/a.md": text})
    assert (done["a"].content, done.reasons) == (text, [said])


def test_of_several_files_of_a_name_the_nearest_is_meant():
    files = dict.fromkeys(("Index.md", "Work/Index.md", "Work/a.md", "Home/b.md"), "[[Index]]")
    done = read(files)
    assert done["a"].content == "[Index](/at/markdown:Work/Index.md)"
    assert done["b"].content == "[Index](/at/markdown:Index.md)"


@pytest.mark.django_db
def test_they_lead_somewhere_when_it_comes_later(api):
    home = {"Work/Home.md": "[[Plan|the plan]]\n[r]: Plan.md"}
    assert counts(take(api, zipped(home))) == {"created": 1, "lost": 1}
    whole = zipped(home | {"Work/Plan.md": ""})
    assert counts(take(api, whole)) == {"created": 1, "completed": 1}
    assert linked("Home") == ["Plan", "Plan"]
    assert counts(take(api, whole)) == {"unchanged": 2}
    assert counts(take(api, zipped(home))) == {"unchanged": 1, "lost": 1}
