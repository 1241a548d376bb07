"""What clients can do that a generator makes of the OpenAPI documents, without a warning."""

import importlib
import os
import subprocess
import sys
import uuid
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.docs import documents
from tests.system.client import User

CLIENTS = {"accounts_client", "notes_client"}
BIN = Path(sys.executable).parent
TEXT = (documents.ROOT / "docs" / "clients.md").read_text()


@pytest.fixture(scope="module")
def folder(stack, tmp_path_factory):
    """Where the commands of docs/clients.md have made the clients."""
    folder = tmp_path_factory.mktemp("clients")
    (commands,) = documents.blocks(TEXT, "sh")
    run(["bash", "-euo", "pipefail", "-c", at(stack, commands)], folder)
    return folder


@pytest.fixture(scope="module")
def load(folder):
    """Imports a module of the generated clients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module
    for name in [name for name in sys.modules if name.split(".")[0] in CLIENTS]:
        del sys.modules[name]


def run(command, folder):
    """Its output; the generator formats with ruff, which it looks for in PATH."""
    path = f"{BIN}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower(), done.stdout
    return done.stdout


def at(stack, text):
    return text.replace("http://localhost:4000", stack.gateway_url)


def test_what_the_documentation_does(stack, folder):
    (example,) = documents.blocks(TEXT, "python")
    name = f"eve-{uuid.uuid4().hex[:8]}"
    printed = run([sys.executable, "-c", at(stack, example).replace("eve", name)], folder)
    assert printed.splitlines() == ["['Shopping']", "200 milk, pears"]


@pytest.fixture
def notes(stack, load):
    """A client of somebody who registered and signed in by the generated one."""
    user = User()
    accounts = load("accounts_client").Client(base_url=stack.gateway_url)
    models = load("accounts_client.models")
    registered = load("accounts_client.api.users.register").sync_detailed(
        client=accounts, body=models.RegistrationRequest(**user.registration)
    )
    assert registered.status_code == HTTPStatus.CREATED
    assert registered.parsed.username == user.username
    by_address = models.EmailCredentialsRequest(email=user.email, password=user.password)
    tokens = load("accounts_client.api.auth.sign_in").sync(client=accounts, body=by_address)
    client = load("notes_client").AuthenticatedClient(stack.gateway_url, token=tokens.access)
    with client:
        yield client


def test_a_note_from_writing_to_deletion(load, notes):
    models = load("notes_client.models")

    def call(name, *arguments, of="notes", **given):
        operation = load(f"notes_client.api.{of}.{name}")
        return operation.sync_detailed(*arguments, client=notes, **given)

    request = models.NoteRequest(title="Plain", content="of zebras", tags=["Zoo", "text"])
    text = call("create_note", body=request, idempotency_key="1").parsed
    assert (text.content, text.tags) == ("of zebras", ["text", "zoo"])
    again = call("create_note", body=request, idempotency_key="1")
    assert (again.headers["Idempotent-Replayed"], again.parsed.id) == ("true", text.id)

    run = models.TextRun(text="and of yaks", marks=[models.TextRunMarksItem.BOLD])
    document = models.BlockDocument(
        type_="doc", version=1, blocks=[models.Paragraph(type_="paragraph", text=[run])]
    )
    blocks = call("create_note", body=models.NoteRequest(content=document, tags=["zoo"])).parsed
    assert blocks.content_format is models.ContentFormat.BLOCKS
    read = call("get_note", blocks.id)
    assert read.parsed.content == document

    found = call("list_notes", q="yak").parsed.results
    assert [each.id for each in found] == [blocks.id]
    assert any(segment.match for segment in found[0].highlights[0].segments)
    ordered = call("list_notes", tag=["zoo"], order=models.ListNotesOrder.UPDATED_AT).parsed
    assert [each.id for each in ordered.results] == [text.id, blocks.id]

    patch = models.PatchedNoteRequest(title="Yaks", tags=["yaks"])
    changed = call("change_note", blocks.id, body=patch, if_match=read.headers["ETag"])
    assert (changed.parsed.title, changed.parsed.tags) == ("Yaks", ["yaks"])
    refused = call("change_note", blocks.id, body=patch, if_match=read.headers["ETag"])
    assert refused.status_code == HTTPStatus.PRECONDITION_FAILED
    assert isinstance(refused.parsed, models.Problem)

    tags = call("list_tags", of="tags").parsed.results
    assert {each.name: each.count for each in tags} == {"text": 1, "yaks": 1, "zoo": 1}
    assert call("get_tag", "yaks", of="tags").parsed.count == 1

    assert call("delete_note", text.id).status_code == HTTPStatus.NO_CONTENT
    assert isinstance(call("get_note", text.id).parsed, models.Problem)
    assert call("restore_trashed_note", text.id, of="trash").parsed.title == "Plain"

    operations = [
        models.CreateOperation(op="create", title="One"),
        models.DeleteOperation(op="delete", id=uuid.uuid4()),
    ]
    results = call("write_notes", body=models.BulkRequest(operations=operations)).parsed.results
    assert [result.status for result in results] == [HTTPStatus.CREATED, HTTPStatus.NOT_FOUND]
