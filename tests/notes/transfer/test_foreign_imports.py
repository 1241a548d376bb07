"""Moving here from Notion and from Joplin, through ``POST /notes/import/``."""

import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from notes.models import Note
from tests.notes.test_notes import NOTES
from tests.notes.transfer.foreign_exports import (
    Database,
    Page,
    id_of,
    in_parts,
    joplin,
    notion,
    tagging,
    target,
    tarred,
    zipped,
)
from tests.notes.transfer.moving import IMPORT, body, counts, export, post, take, zip_of

pytestmark = pytest.mark.django_db


def workspace():
    plan = Page("Plan", "Soon.")
    row = Page("Moon", "Far.", properties={"Tags": "Space, Far away", "Status": "Done"})
    database = Database("Projects", rows=[row], without_page=[Page("Mars")])
    home = Page("Home", "", [plan, database])
    home.text = f"[Plan]({target(home, plan)}) [Projects]({target(home, database, ending='.csv')})"
    return notion(home)


def linked(api, title):
    """The titles of the notes that the note of this title links to."""
    note = Note.objects.get(title=title)
    paths = re.findall(r"\]\((/[^)]*)\)", note.content)
    return [api.get(path).json()["title"] for path in paths]


def test_a_workspace_of_notion_arrives_linked(api):
    report = take(api, zipped(workspace()))
    assert (report["format"], counts(report)) == ("notion", {"created": 5})
    assert linked(api, "Home") == ["Plan", "Projects"]
    assert linked(api, "Projects") == ["Moon", "Mars"]
    [found] = api.get(NOTES, {"tag": "far away", "q": "status done"}).json()["results"]
    assert found["title"] == "Moon"


def test_notes_of_joplin_arrive_linked(api):
    files = (
        joplin("note", "Home", f"[Plan](:/{id_of('Plan')})", parent_id=id_of("Work")),
        joplin("note", "Plan"),
        joplin("folder", "Work"),
        joplin("tag", "urgent"),
        tagging("Home", "urgent"),
    )
    report = take(api, tarred(dict(files)))
    assert (report["format"], counts(report)) == ("joplin", {"created": 2})
    assert linked(api, "Home") == ["Plan"]
    [found] = api.get(NOTES, {"tag": ["work", "urgent"]}).json()["results"]
    assert found["title"] == "Home"
    assert found["created_at"] == "2018-05-17T08:30:01.250000Z"
    assert found["updated_at"] == "2019-05-17T08:30:01.250000Z"


def test_a_folder_of_markdown_arrives_linked(api):
    plan = "---\ntags: [a]\n---\nb"
    files = {"Work/Home.md": "[Plan](../Plan%20%281%29.md)", "Plan (1).md": plan}
    report = take(api, zipped(files))
    assert (report["format"], counts(report)) == ("markdown", {"created": 2})
    assert linked(api, "Home") == ["Plan (1)"]
    assert Note.objects.get(title="Home").tags.get().name == "work"


@pytest.mark.parametrize("parts", [False, True])
def test_the_same_export_twice_makes_no_doubles(api, parts: bool):
    data = in_parts(workspace(), 3) if parts else zipped(workspace())
    take(api, data)
    assert counts(take(api, data)) == {"unchanged": 5}
    assert Note.objects.count() == 5


def test_a_missing_part_is_said_and_nothing_is_written(api):
    response = post(api, in_parts(workspace(), 3, without=2))
    assert 400 <= response.status_code < 500
    assert "-Part-2.zip" in response.json()["detail"]
    assert not Note.objects.exists()


def test_a_part_sent_twice_is_said_and_nothing_is_written(api):
    name, part = "Export-1-Part-1.zip", zipped(workspace())
    response = api.post(
        IMPORT, {"file": [SimpleUploadedFile(name, part) for _ in range(2)]}, format="multipart"
    )
    assert response.status_code == 422
    assert response.json()["detail"] == f"There twice: {name}. Send each part once."
    assert not Note.objects.exists()


def test_a_damaged_file_is_refused_alone_and_a_damaged_part_ends_the_import(api):
    files = notion(Page("Bad", "bad text"), Page("Good"))
    data = bytearray(zip_of(files.items(), zipfile.ZIP_STORED))
    data[data.index(b"bad text")] ^= 1
    part = zip_of([("Export-1-Part-1.zip", bytes(data)), ("a.zip", data)], zipfile.ZIP_STORED)
    report = take(api, bytes(data))
    assert counts(report) == {"created": 1, "refused": 1}
    assert report["report"][0]["source"].startswith("Bad ")
    assert Note.objects.get().title == "Good"
    damaged = bytearray(part)
    damaged[damaged.index(b"text")] ^= 1
    response = post(api, bytes(damaged))
    assert response.status_code == 422
    assert response.json()["detail"] == "Export-1-Part-1.zip is damaged."


def test_parts_are_sent_side_by_side(api):
    files = list(workspace().items())
    uploads = [
        SimpleUploadedFile(f"Export-1-Part-{number}.zip", zipped(dict(files[number - 1 :: 2])))
        for number in (1, 2)
    ]
    response = api.post(IMPORT, {"file": uploads}, format="multipart")
    body(response)
    assert Note.objects.count() == 5
    assert linked(api, "Home") == ["Plan", "Projects"]
    Note.objects.all().delete()
    uploads[1].seek(0)
    response = api.post(IMPORT, {"file": uploads[1]}, format="multipart")
    assert "Export-1-Part-1.zip" in response.json()["detail"]
    assert not Note.objects.exists()


def test_what_arrived_leaves_and_comes_back_as_it_is(api):
    take(api, zipped(workspace()))
    for form in ("jsonl", "markdown"):
        assert counts(take(api, export(api, form))) == {"unchanged": 5}
