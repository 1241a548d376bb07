"""``manage.py export_notes`` and ``import_notes``."""

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from notes.models import Note
from tests.notes.test_notes import make
from tests.notes.transfer.moving import FORMATS, export, lines_of, stored
from tests.notes.transfer.test_import import CANCEL
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    return tmp_path / "notes.jsonl"


def run(command, *arguments):
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_exported_comes_in_elsewhere(api, ada, bobs_api, bob, file, form):
    make(api, title="Plan", content="a\r\n", tags=["work"])
    make(bobs_api, title="there")
    Note.objects.filter(user_id=bob.id).delete()
    said = run("export_notes", "ada", "--format", form, "--output", file)
    assert file.read_bytes() == export(api, form)
    assert said == f"{file}: {file.stat().st_size:,} bytes\n"
    none = "0 changed, 0 refused, 0 lost"
    assert run("import_notes", "bob", file, "--dry-run") == (
        f"1 created, 0 completed, 0 unchanged, {none} in a dry run\n"
    )
    assert not stored(bob)
    assert run("import_notes", bob.id, file) == f"1 created, 0 completed, 0 unchanged, {none}\n"
    assert stored(bob) == stored(ada)
    assert run("import_notes", bob.id, file) == f"0 created, 0 completed, 1 unchanged, {none}\n"


def test_where_the_database_gives_up(user, file):
    with connection.cursor() as cursor:
        cursor.execute(CANCEL)
    file.write_bytes(lines_of({"title": "a"}, {"title": "slow"}))
    with pytest.raises(CommandError, match=r"New notes written: 1\. Send the same again"):
        run("import_notes", user.pk, file)
    assert Note.objects.get().title == "a"


def test_to_standard_output(api, monkeypatch):
    make(api)
    written = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", written)
    call_command("export_notes", "ada")
    assert written.buffer.getvalue() == export(api, "jsonl")


def test_for_scripts(api, file):
    make(api)
    about = json.loads(run("export_notes", "ada", "--output", file, "--json"))
    assert about == {"file": str(file), "bytes": file.stat().st_size}
    report = json.loads(run("import_notes", "ada", file, "--json"))
    assert (report["unchanged"], report["report"]) == (1, [])


def test_what_is_refused_has_a_line_and_an_exit_code(api, file):
    make(api)
    file.write_bytes(lines_of({"title": 5}, {"title": "a"}))
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 items were refused"):
        call_command("import_notes", "ada", str(file), stdout=out)
    first, last = out.getvalue().splitlines()
    assert first == "refused   notes.jsonl:2: The member title is of another type."
    assert last.startswith("1 created, ")


def test_an_upload_that_is_cut_off(api, file):
    make(api)
    file.write_bytes(lines_of({"title": "a"})[:-10])
    with pytest.raises(CommandError, match=r"Nothing was written\..* is cut off"):
        call_command("import_notes", "ada", str(file))
    assert Note.objects.count() == 1


def test_who_is_not_there(db, file):
    for name in ("nobody", "0b8f6f7e-0000-4000-8000-000000000000"):
        with pytest.raises(CommandError, match="There is no user"):
            call_command("export_notes", name)
    users = [User.objects.create(username="twin") for _ in range(2)]
    with pytest.raises(CommandError, match=f"Give an id: .*{users[0].id}"):
        call_command("export_notes", "twin")
    assert run("export_notes", users[0].id, "--output", file)


def test_files_that_cannot_be(api, file, monkeypatch):
    make(api)
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_notes", "ada", str(file))
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_notes", "ada", "--output", str(file / "a"))
    with pytest.raises(CommandError, match="--json needs --output"):
        call_command("export_notes", "ada", "--json")
    file.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_notes", "ada", "--output", str(file))
    assert file.read_text() == "mine"


def test_a_file_is_there_whole_or_not_at_all(api, file, monkeypatch):
    make(api)
    monkeypatch.setattr("transfer.jsonl.pages_as_json", lambda _: iter([5]))
    with pytest.raises(TypeError):
        call_command("export_notes", "ada", "--output", str(file))
    assert not list(file.parent.iterdir())
