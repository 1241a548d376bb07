"""Nothing can be set that the document does not name: no column, nobody else's, nothing nested."""

import json
import uuid

import pytest

from tests.security.people import SENT
from tests.system.openapi import OPERATIONS, properties
from tests.system.problems import assert_problem
from tests.system.test_isolation import Owner, filled

# As an ORM, a form or a library knows them, beside the columns of the database.
MORE = {
    *("pk", "user", "owner", "author", "note", "notes", "session", "sessions", "groups"),
    *("permissions", "user_permissions", "roles", "admin", "is_admin", "user__id", "user.id"),
    *("user[id]", "user[is_staff]", "_state", "__class__", "__proto__", "constructor", "$where"),
}
SHOWN = 10  # errors of unknown names in one answer
WRITES = [each for each in OPERATIONS if each.method not in ("GET", "HEAD")]
WITH_BODY = [each for each in WRITES if each.body]
WITHOUT = [each for each in WRITES if "requestBody" not in each.definition]


@pytest.fixture(scope="module")
def columns(users_sql, notes_sql):
    """The names of all columns of each service's database."""
    query = (
        "SELECT DISTINCT column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return {
        "Accounts": {name for (name,) in users_sql(query)},
        "Notes": {name for (name,) in notes_sql(query)},
    }


@pytest.fixture(scope="module")
def victim(new):
    return Owner(new())


@pytest.fixture(scope="module")
def owner(new):
    return Owner(new())


def names_beyond(columns, operation):
    """All that its body does not have."""
    known = {name for name, _ in properties(operation.document, operation.body)}
    return sorted((columns[operation.document["info"]["title"]] | MORE) - known)


def forged(name, victim):
    """A value that would do harm under this name."""
    ids = {"note_id": victim.note, "note": victim.note, "tag_id": victim.tag}
    if name.startswith(("is_", "admin")):
        return True
    if name in ("user", "owner", "author"):
        return {"id": victim.user, "is_staff": True}
    return ids.get(name, victim.user if "id" in name else "2030-01-01T00:00:00Z")


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_no_column_can_be_set(owner, victim, columns, operation, form):
    if form and str(operation) == "write_notes":
        return  # it takes JSON alone
    client = owner.client
    path = filled(operation.path, owner.in_path(operation.path)[0])
    for names in batched_names(columns, operation):
        extra = {name: forged(name, victim) for name in names}
        body = SENT[str(operation)](client)
        if str(operation) == "write_notes":
            body = {"operations": [body["operations"][0] | extra]}
        elif form:
            body = {**body, **{name: str(value) for name, value in extra.items()}}
        else:
            body = {**body, **extra}
        answer = client.request(operation.method, path, **{"data" if form else "json": body})
        if str(operation) == "write_notes":
            assert answer.status_code == 200
            (result,) = answer.json()["results"]
            assert result["status"] == 400
            errors = result["problem"]["errors"]
        else:
            errors = assert_problem(answer, 400)["errors"]
        assert {error["pointer"].rpartition("/")[2] for error in errors} >= {*names}


def batched_names(columns, operation):
    names = names_beyond(columns, operation)
    assert len(names) > 40
    return [names[first : first + SHOWN] for first in range(0, len(names), SHOWN)]


@pytest.mark.parametrize("operation", WITHOUT, ids=str)
def test_a_body_where_none_is_taken(new, victim, columns, notes_sql, users_sql, operation):
    """It is refused, or it changes no more than the operation does without it."""
    owner = Owner(new())
    service = operation.document["info"]["title"]
    body = {name: forged(name, victim) for name in columns[service] | MORE}
    path = filled(operation.path, owner.in_path(operation.path)[0])
    answer = owner.client.request(operation.method, path, json=body)
    assert answer.status_code < 500, answer.text
    query = "SELECT user_id::text FROM notes WHERE id = ANY(%s::uuid[])"
    assert {user for (user,) in notes_sql(query, [[owner.note, owner.trashed]])} <= {owner.user}
    query = "SELECT is_staff, is_superuser, is_active FROM users WHERE id = %s"
    assert users_sql(query, [owner.user]) == [(False, False, True)]


@pytest.mark.parametrize(
    ("operation_id", "body"),
    [
        ("create_note", {"tags": [{"name": "x", "notes": []}]}),
        ("create_note", {"tags": {"create": [{"name": "x"}]}}),
        ("create_note", {"title": {"set": "x"}}),
        ("create_note", {"content": {"type": "doc", "version": 1, "blocks": [], "user_id": "x"}}),
        ("replace_note", {"title": "x", "tags": [{"id": "x"}]}),
        ("change_note", {"tags": {"add": ["x"]}}),
        ("change_note", {"title": ["x"]}),
        ("rename_tag", {"name": {"id": "x"}}),
        ("change_me", {"username": {"is_staff": True}}),
        ("change_me", {"email": ["a@mailbox.example", "b@mailbox.example"]}),
        ("sign_in", {"username": {"$ne": None}, "password": {"$ne": None}}),
        ("sign_in", {"username": ["a", "b"], "password": True}),
        ("refresh_tokens", {"refresh": {"$gt": ""}}),
        ("reset_password", {"email": ["a@mailbox.example", "b@mailbox.example"]}),
        ("delete_me", {"password": True}),
        ("delete_me", {"password": None}),
    ],
)
def test_nothing_nested_and_no_other_type(owner, operation_id, body):
    (operation,) = (each for each in OPERATIONS if str(each) == operation_id)
    path = filled(operation.path, owner.in_path(operation.path)[0])
    assert_problem(owner.client.request(operation.method, path, json=body), 400)


def test_a_user_is_in_no_parameter(owner, victim):
    """Not even one that is passed over without a word."""
    theirs = [victim.user, victim.session, victim.note, victim.trashed, victim.tag]
    for operation in OPERATIONS:
        if operation.method != "GET" or not any(operation.definition.get("security", [])):
            continue
        path = filled(operation.path, owner.in_path(operation.path)[0])
        for name in ("user", "user_id", "owner", "sub"):
            answer = owner.client.get(path, params={name: victim.user})
            assert answer.status_code in (200, 400), operation
            shown = answer.text.replace(answer.request.path_url, "")
            assert not [each for each in theirs if each in shown], (operation, name)


def test_an_import_takes_no_id_of_anybody(new, victim):
    """The ids in a file tell which of its notes were imported before, and no more."""
    client = new()
    moment = "2026-01-01T00:00:00Z"
    line = {"id": victim.note, "title": "Mine", "content": "mine", "content_format": "text"}
    line |= {"tags": [], "is_archived": False, "created_at": moment, "updated_at": moment}
    lines = [{"format": "notes-jsonl", "version": 1}, line, {"end": True, "notes": 1}]
    file = "".join(json.dumps(each) + "\n" for each in lines)
    answer = client.post(
        "/api/v1/notes/import/", data=file, headers={"Content-Type": "application/jsonl"}
    )
    assert answer.status_code == 200, answer.text
    (note,) = client.get("/api/v1/notes/").json()["results"]
    assert note["id"] != victim.note
    assert victim.client.get(f"/api/v1/notes/{victim.note}/").headers["ETag"] == victim.etag
    # A user in such a line is no one's.
    line |= {"id": str(uuid.uuid4()), "user_id": victim.user, "user": {"id": victim.user}}
    file = "".join(json.dumps(each) + "\n" for each in lines)
    client.post("/api/v1/notes/import/", data=file, headers={"Content-Type": "application/jsonl"})
    assert victim.client.get("/api/v1/notes/").json()["results"][0]["title"] != "Mine"


def test_the_victim_has_what_it_had(victim, users_sql):
    """After all of the above."""
    assert victim.client.get(f"/api/v1/notes/{victim.note}/").headers["ETag"] == victim.etag
    assert len(victim.client.get("/api/v1/notes/").json()["results"]) == 2
    query = "SELECT is_staff, is_superuser, is_active, version FROM users WHERE id = %s"
    assert users_sql(query, [victim.user]) == [(False, False, True, 1)]
