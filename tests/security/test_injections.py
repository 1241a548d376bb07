"""What is SQL, a header, a line of a log, a template or a script is text, in every field."""

import json
import re
from urllib.parse import quote, unquote, urlsplit

import pytest

from tests.security.injections import EVALUATED, INNER, TEXTS, one_line, with_texts
from tests.security.pages import Inline
from tests.security.people import SENT
from tests.system import raw
from tests.system.openapi import DOCUMENTS, OPERATIONS, properties
from tests.system.problems import assert_problem
from tests.system.test_isolation import Owner, filled
from tests.system.test_openapi import run

NOTES, ME = "/api/v1/notes/", "/api/v1/users/me/"
# Headers that both services read, beside those of the documents.
HEADERS = {"User-Agent", "Accept", "Accept-Language", "Content-Type", "traceparent", "Referer"}


@pytest.fixture(scope="module")
def rows_of(users_sql, notes_sql):
    """All that somebody has in both databases."""
    notes = """
        SELECT notes::text, ARRAY(
            SELECT name FROM tags JOIN note_tags ON tag_id = tags.id WHERE note_id = notes.id
        ) FROM notes WHERE user_id = %s ORDER BY id
    """

    def rows_of(owner):
        user = users_sql("SELECT users::text FROM users WHERE id = %s", [owner.user])
        return user, notes_sql(notes, [owner.user])

    return rows_of


@pytest.fixture(scope="module", autouse=True)
def victim(new, rows_of):
    """Whom none of these requests may change."""
    victim = Owner(new())
    victim.rows = rows_of(victim)
    return victim


def requests_of(operation, owner, text):
    """The valid request with the text in the place of one field after the other."""
    values = owner.in_path(operation.path)[0]
    path = filled(operation.path, values)
    body = SENT[str(operation)](owner.client) if str(operation) in SENT else None
    json_body = body if isinstance(body, dict) else None
    for name in operation.parameters("path"):
        yield name, filled(operation.path, values | {name: text}), {"json": json_body}
    for name in operation.parameters("query"):
        yield name, path, {"json": json_body, "params": {name: text}}
    yield "a parameter's name", path, {"json": json_body, "params": {text: "x"}}
    for name in operation.parameters("header"):
        yield name, path, {"json": json_body, "headers": {name: one_line(text)}}
    if operation.body:
        for name, value in bodies(operation, json_body, text):
            yield name, path, {"json": value}
        yield "a body of text", path, {"json": text}
        for kind in ("application/json", "application/x-www-form-urlencoded", text):
            sent = {"data": text.encode(), "headers": {"Content-Type": one_line(kind)}}
            yield f"a body of {kind[:20]}", path, sent


def bodies(operation, body, text):
    """By the names of the schema; also of operations among several."""
    if str(operation) == "write_notes":
        for name in {name for name, _ in properties(operation.document, operation.body)}:
            yield name, {"operations": [{**body["operations"][0], name: text}]}
            yield name, {"operations": [{"op": "change", "id": text, name: [text]}]}
        return
    schema = operation.document["components"]["schemas"]
    reference = operation.body.get("$ref", "").rpartition("/")[2]
    names = {
        name for name, _ in properties(operation.document, schema.get(reference, operation.body))
    }
    for name in names:
        yield name, {**body, name: text}
        yield name, {**body, name: [text]}
    yield "a member's name", {**body, text: text}


def assert_only_text(answer, where):
    assert answer.status_code < 500, (where, answer.text)
    told = {name.lower() for name in answer.headers}
    assert "x-injected" not in told, where
    assert "injected" not in answer.headers.get("Set-Cookie", ""), where
    assert not EVALUATED.search(answer.text), where
    assert not INNER.search(answer.text), (where, answer.text)
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert_problem(answer, answer.status_code)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_in_every_field(new, operation):
    owner = Owner(new())
    for kind, text in TEXTS.items():
        for name, path, given in requests_of(operation, owner, text):
            answer = owner.client.request(operation.method, path, **given)
            assert_only_text(answer, (kind, name))
        if operation.method == "DELETE":
            owner = Owner(new())  # a name that is not known may have been passed over


READS = [each for each in OPERATIONS if each.method == "GET" and str(each) != "export_notes"]


@pytest.mark.parametrize("operation", READS, ids=str)
def test_on_the_page_of_every_field(victim, operation):
    for kind in ("template", "script"):
        for name, path, given in requests_of(operation, victim, TEXTS[kind]):
            given = {**given, "headers": {**given.get("headers", {}), "Accept": "text/html"}}
            page = victim.client.get(path, **{**given, "json": None})
            assert page.status_code < 500, (kind, name, page.text)
            assert not EVALUATED.search(page.text), name
            if page.headers["Content-Type"].startswith("text/html"):
                assert Inline(page).found == [], (kind, name)


@pytest.mark.parametrize("kind", TEXTS)
def test_what_is_stored_comes_back_to_the_letter(new, kind):
    """As JSON, and on every page that shows it."""
    client, text = new(), TEXTS[kind]
    client.headers["User-Agent"] = one_line(text)
    # Tags have 100 characters, no control characters, and no dots between slashes.
    tag = one_line(text).replace("../", "")[:100]
    sent = {"title": text, "content": text, "tags": [tag]}
    note = client.post(NOTES, json=sent)
    assert note.status_code == 201, note.text
    note = note.json()
    assert (note["title"], note["content"]) == (text, text)
    client.put(f"{NOTES}{note['id']}/", json={**sent, "content": text * 2})
    signed_in = client.post("/api/v1/auth/token/", json=client.user.credentials)
    assert signed_in.status_code == 200
    sessions = client.get("/api/v1/auth/sessions/").json()["results"]
    assert one_line(text) in [each["user_agent"] for each in sessions]
    tag = quote(note["tags"][0], safe="")
    for path in (
        *(NOTES, f"{NOTES}{note['id']}/", f"{NOTES}{note['id']}/versions/"),
        *(f"{NOTES}{note['id']}/versions/1/", f"/api/v1/tags/{tag}/", "/api/v1/tags/"),
        *(f"{NOTES}?q={quote(text)}&tag={tag}", "/api/v1/auth/sessions/", ME),
    ):
        page = client.get(path, headers={"Accept": "text/html"})
        assert page.status_code < 500, page.text
        assert not EVALUATED.search(page.text)
        assert Inline(page).found == [], path


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("path", [NOTES, ME])
def test_in_the_headers(stack, victim, path, kind):
    for name in sorted(HEADERS):
        headers = {"Authorization": victim.client.headers["Authorization"], "Accept": "*/*"}
        headers[name] = one_line(TEXTS[kind])
        lines = [f"{header}: {value}" for header, value in headers.items()]
        answer = raw.send(stack.gateway.port, raw.request(f"GET {path} HTTP/1.1", *lines))
        assert answer.status_code in (200, 400, 406), (name, answer.text)
        assert "Injected" not in str(answer.headers.keys())
        assert not INNER.search(answer.text), name


def sent_texts(report):
    """Which texts are where in the requests that schemathesis sent: (place, kind) pairs.

    Args: report: its own, a HAR file.
    """
    found = set()
    for entry in json.loads(report.read_text())["log"]["entries"]:
        request = entry["request"]
        url = urlsplit(request["url"])
        places = {
            "path": [unquote(url.path)],
            "query": [each["value"] for each in request["queryString"]],
            "header": [each["value"] for each in request["headers"]],
            "body": [request.get("postData", {}).get("text", "")],
        }
        for kind, text in TEXTS.items():
            as_sent = {"header": one_line(text), "body": json.dumps(text)}
            found |= {
                (place, kind)
                for place, values in places.items()
                if any(as_sent.get(place, text) in value for value in values)
            }
    return found


@pytest.mark.timeout(900)  # thousands of requests
@pytest.mark.parametrize("name", DOCUMENTS)
def test_in_several_fields(stack, tmp_path, name):
    """By schemathesis: in parameters and bodies of any shape that the documents describe.

    Where a form is asked for a text has not that form, so a 400 is no failure here.
    """
    document, report = tmp_path / f"{name}.json", tmp_path / "report.json"
    document.write_text(json.dumps(with_texts(DOCUMENTS[name])))
    run(
        *(stack.gateway_url, document, tmp_path, "--report-har-path", report),
        *("--phases", "fuzzing", "--max-examples", "50"),
        *("--exclude-checks", "each_operation_by_itself"),
        replace=[
            ("tests.system.schemathesis_hooks", "tests.security.schemathesis_hooks"),
            ('statuses = ["2xx", "3xx", 401', 'statuses = ["2xx", "3xx", 400, 401'),
        ],
    )
    sent = sent_texts(report)
    assert {place for place, _ in sent} >= {"path", "query", "body"}
    assert {kind for _, kind in sent} == TEXTS.keys()


def test_a_search_finds_no_more(victim):
    """What ends a string or a pattern does not reach other people's notes, nor all of one's own."""
    for text in TEXTS.values():
        for parameters in ({"q": text}, {"tag": text}, {"prefix": text}):
            path = "/api/v1/tags/" if "prefix" in parameters else NOTES
            answer = victim.client.get(path, params=parameters)
            assert answer.status_code in (200, 400)
            if answer.status_code == 200:
                assert answer.json()["results"] == [], (text, parameters)


def test_the_logs_have_one_line_for_each(stack, victim, wait_until):
    """After all of the above: no line is a client's, and no character tells a terminal anything."""
    mark = victim.client.get(ME).headers["X-Request-ID"]
    logs = [stack.folder / "logs" / f"{name}.log" for name in ("gateway", "users", "notes")]
    wait_until(lambda: all(mark in log.read_text() for log in logs[:2]))
    for log in logs:
        for line in log.read_text().split("\n"):
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line), (log.name, line)
            if line.startswith("{"):
                assert json.loads(line).get("event") != "injected", (log.name, line)
            assert not line.startswith(("X-Injected", "Set-Cookie")), (log.name, line)


def test_nothing_of_others_has_changed(victim, rows_of, users_sql):
    """After all of the above."""
    assert rows_of(victim) == victim.rows
    assert users_sql("SELECT count(*) FROM users WHERE is_superuser") == [(1,)]
