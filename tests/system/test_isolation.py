"""What somebody else has looks like what never existed, in each operation of both documents.

An operation with a parameter or an id in its body that is not known here is a failure: say there
what of somebody else could be given.
"""

import re
import uuid
from urllib.parse import quote

import pytest

from tests.system.client import Api
from tests.system.openapi import OPERATIONS, properties
from tests.system.problems import assert_problem

NOTES, TAGS, TRASH = "/api/v1/notes/", "/api/v1/tags/", "/api/v1/trash/"
SESSIONS = "/api/v1/auth/sessions/"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# Valid bodies of operations on one thing of somebody; others take none.
BODIES = {
    "replace_note": {"title": "Mine now"},
    "change_note": {"title": "Mine now"},
    "rename_tag": {"name": "mine now"},
}
# Parameters of the query that can name nothing of anybody.
PLAIN = {
    *("limit", "archived", "tag_match", "order", "dry_run", "format"),
    *("created_after", "created_before", "updated_after", "updated_before"),
}
# Idempotency-Key has a test of its own; a state's tag is given in the others.
HEADERS = {"If-Match", "If-None-Match", "Idempotency-Key"}
# Operations with ids in their bodies.
WITH_IDS = {"write_notes"}

ON_ONE = [operation for operation in OPERATIONS if "{" in operation.path]
each_on_one = pytest.mark.parametrize("operation", ON_ONE, ids=str)


class Owner:
    """Somebody with one of each thing."""

    def __init__(self, client):
        self.client = client
        self.user = client.user.id
        self.session = client.get(SESSIONS).json()["results"][0]["id"]
        self.tag = f"theirs {uuid.uuid4().hex[:8]}"
        self.note = self.write(title="Theirs", content="zebra", tags=[self.tag])
        client.put(f"{NOTES}{self.note}/", json={"title": "Theirs", "tags": [self.tag]})
        self.etag = client.get(f"{NOTES}{self.note}/").headers["ETag"]
        self.trashed = self.write(title="Thrown away", tags=[self.tag])
        client.delete(f"{NOTES}{self.trashed}/")
        self.write(tags=[self.tag])
        next_page = client.get(f"{NOTES}?limit=1").json()["next"]
        self.cursor = next_page.partition("cursor=")[2]

    def write(self, **fields):
        answer = self.client.post(NOTES, json=fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def in_path(self, path):
        """By parameter: what the owner has, and what of that form never was."""
        of_notes = {
            NOTES: self.note,
            TRASH: self.trashed,
            "/api/v1/users/": self.user,
            SESSIONS: self.session,
        }
        unknown = {"id": str(uuid.uuid4()), "number": "1", "name": f"nobody {uuid.uuid4().hex[:8]}"}
        prefix = path.partition("{")[0]
        return {"id": of_notes.get(prefix), "number": "1", "name": self.tag}, unknown

    def in_query(self):
        return {
            "tag": (self.tag, f"nobody {uuid.uuid4().hex[:8]}"),
            "prefix": (self.tag[:10], "nobody abc"),
            "q": ("zebra", "gnu00"),
            "cursor": (self.cursor, "A" * len(self.cursor)),
        }


@pytest.fixture(scope="module")
def owner(stack):
    with Api(stack.gateway_url) as api, api.sign_in() as client:
        yield Owner(client)


@pytest.fixture(scope="module")
def other(stack, owner):
    """With notes of its own: nothing is empty only because nothing is there."""
    with Api(stack.gateway_url) as api, api.sign_in() as client:
        client.post(NOTES, json={"title": "Own", "content": "yak", "tags": ["own"]})
        yield client


def filled(path, values):
    for name in re.findall(r"{(\w+)}", path):
        assert values.get(name), f"what somebody else could have for {path} is not known here"
        path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
    return path


def seen(answer, values):
    """All of an answer but what names or counts the request, or is of the connection."""
    headers = dict(answer.headers)
    request_id = headers.pop("X-Request-ID")
    for name in ("Date", "Connection"):
        headers.pop(name)
    headers.pop("RateLimit", None)
    text = answer.text.replace(request_id, "REQUEST")
    for value in values:
        text = text.replace(quote(value, safe=""), "VALUE").replace(quote(value), "VALUE")
    return answer.status_code, headers, text


def compare(other, method, path, owner, **options):
    """Asks for what the owner has and for what never was; returns the answer to both."""
    theirs, never = owner.in_path(path)
    answers = [other.request(method, filled(path, given), **options) for given in (theirs, never)]
    named = {*theirs.values(), *never.values()} - {None, "1"}
    first, second = (seen(answer, named) for answer in answers)
    assert first == second
    return answers[0]


@each_on_one
def test_it_is_the_404_of_what_never_existed(owner, other, operation):
    body = BODIES.get(str(operation))
    assert body or not operation.body, "give it a valid body in BODIES"
    answer = compare(other, operation.method, operation.path, owner, json=body)
    if operation.method == "HEAD":
        assert answer.status_code == 404
    else:
        assert_problem(answer, 404)


@pytest.mark.parametrize("path", sorted({operation.path for operation in ON_ONE}))
@pytest.mark.parametrize("method", METHODS)
def test_no_method_nor_body_tells(owner, other, path, method):
    """Whatever is looked at first: the method, the body, the media type or the thing."""
    for options in (
        {},
        {"json": {}},
        {"json": {"title": 1, "name": 1}},
        {"json": {"unknown": 1}},
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        {"data": b"<a/>", "headers": {"Content-Type": "text/xml"}},
        {"headers": {"Accept": "text/plain"}},
        {"params": {"dry_run": "true"}},
        {"params": {"unknown": "1"}},
    ):
        compare(other, method, path, owner, **options)


@each_on_one
@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_no_condition_tells(owner, other, operation, header):
    for tag in (owner.etag, f"W/{owner.etag}", "*", '"0"', "0"):
        headers = {header: tag}
        body = BODIES.get(str(operation))
        compare(other, operation.method, operation.path, owner, json=body, headers=headers)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_no_parameter_of_the_query_tells(owner, other, operation):
    known = owner.in_query()
    assert operation.parameters("header") <= HEADERS
    for name in operation.parameters("query") - PLAIN:
        answers = [other.get(operation.path, params={name: value}) for value in known[name]]
        first, second = (seen(answer, known[name]) for answer in answers)
        assert first == second
        assert "Theirs" not in first[2]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_id_in_a_body_is_known_here(operation):
    ids = [
        name
        for name, schema in properties(operation.document, operation.body)
        if schema.get("format") == "uuid" or name in ("id", "ids")
    ]
    assert not ids or str(operation) in WITH_IDS


@pytest.mark.parametrize("with_tag", [False, True])
def test_no_id_of_an_operation_among_several_tells(owner, other, with_tag):
    (operation,) = (each for each in OPERATIONS if str(each) == "write_notes")
    schema = operation.document["components"]["schemas"]["Operation"]
    kinds = [kind for kind in schema["discriminator"]["mapping"] if kind != "create"]
    assert len(kinds) >= 5
    never = str(uuid.uuid4())
    condition = {"if_match": owner.etag} if with_tag else {}
    for note in (owner.note, owner.trashed):
        answers = []
        for given in (note, never):
            operations = [{"op": kind, "id": given, **condition} for kind in kinds]
            answers.append(other.post(f"{NOTES}bulk/", json={"operations": operations}))
        first, second = (seen(answer, [note, never]) for answer in answers)
        assert first == second
        assert {result["status"] for result in answers[0].json()["results"]} == {404}


def test_a_key_is_of_one_user(owner, other):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for client in (owner.client, other):
        answer = client.post(NOTES, json={"title": client.user.id}, headers=headers)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers


def test_the_owner_still_has_it_all(owner):
    """After all that was tried above."""
    note = owner.client.get(f"{NOTES}{owner.note}/")
    assert (note.headers["ETag"], note.json()["tags"]) == (owner.etag, [owner.tag])
    assert owner.client.get(f"{TRASH}{owner.trashed}/").status_code == 200
    assert owner.client.get(f"{TAGS}{quote(owner.tag)}/").json()["count"] == 2
    assert owner.client.get(f"{SESSIONS}{owner.session}/").status_code == 200
