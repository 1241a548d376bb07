"""The gateway by itself: its routes, limits and errors, whatever bytes come."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from devstack.nginx import Nginx
from devstack.ports import Ports, free_ports
from tests.system import raw
from tests.system.client import Api, Client, User
from tests.system.problems import assert_problem

NOTES = "/api/v1/notes/"
ALL_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
STYLE = "/static/notes/rest_framework/css/bootstrap.min.css"


@pytest.fixture
def send(stack):
    """Sends a request line with headers, or the bytes of a whole request."""

    def send(line, *headers, whole=False, **parts):
        content = line if whole else raw.request(line, *headers, **parts)
        return raw.send(stack.gateway.port, content)

    return send


def get(path):
    """A request line; the path may be bytes."""
    encoded = path if isinstance(path, bytes) else path.encode("latin-1")
    return b"GET " + encoded + b" HTTP/1.1"


@pytest.mark.parametrize(
    "path",
    [
        *("/nope", "/admin/", "/api/v1/usersx", "/problem", "/readyz"),
        *("/front/readyz/notes", "/front/notes/applied/"),
        *("/static/users/", "/static/users/admin", "/static/users/nope.css"),
        *("/static/notes/../../manage.py", "/static/notes/..%2f..%2fmanage.py"),
    ],
)
def test_nothing_else_is_routed(send, path):
    assert_problem(send(get(path)), 404, path)


DIGESTS = "/internal/v1/user-digests/"


@pytest.mark.parametrize(
    "path",
    [
        *(DIGESTS, f"{DIGESTS}?bucket=17", DIGESTS.rstrip("/"), f"/{DIGESTS}", "/internal/"),
        *(f"/.{DIGESTS}", f"/api/v1/users/../../..{DIGESTS}", "/%69nternal/v1/user-digests/"),
        *(f"/api/v1/users/%2e%2e/%2e%2e/%2e%2e{DIGESTS}", f"/api/v1/users/..;/../..{DIGESTS}"),
        *(f"{DIGESTS}..;/api/v1/users/", f"{DIGESTS}../../../api/v1/auth/"),
        *(f"{DIGESTS}%23/../../../../api/v1/users/", f"{DIGESTS}%3f/../../../../api/v1/users/"),
        *(f"{DIGESTS}#/../../../../api/v1/users/", f"http://localhost{DIGESTS}"),
        f"/api/v1/users/%2e%2e%2f%2e%2e%2f..{DIGESTS}",
    ],
)
def test_the_digests_are_out_of_reach(stack, send, path):
    """Also for who knows the secret."""
    secret = stack.environment()["COMPARISON_SECRET"]
    answer = send(get(path), f"Authorization: Bearer {secret}", "Accept: application/json")
    assert_problem(answer, 404)


@pytest.mark.parametrize("path", ["/api/v1/notes", "/api/v1/users", "/login"])
def test_a_path_without_its_slash_reaches_the_service(send, path):
    answer = send(get(path), "Accept: application/json")
    # 308 and not 301: a POST stays a POST.
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{path}/")
    assert answer.text == ""


def test_healthz(send):
    answer = send("GET /healthz HTTP/1.1")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Content-Type"] == "application/json"
    refused = send("POST /healthz HTTP/1.1", "Content-Length: 0")
    assert_problem(refused, 405, "/healthz")
    assert refused.headers["Allow"] == "GET, HEAD"


def test_static_files_are_only_read(send):
    answer = send(f"POST {STYLE} HTTP/1.1", "Content-Length: 0")
    assert_problem(answer, 405, STYLE)
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["TRACE", "FOO", "A"])
def test_only_http_methods_that_the_services_know(send, method):
    answer = send(f"{method} {NOTES} HTTP/1.1")
    assert_problem(answer, 405, NOTES)
    assert answer.headers["Allow"] == ALL_METHODS


def test_it_is_no_tunnel(send):
    answer = send("CONNECT localhost:443 HTTP/1.1")
    assert_problem(answer, 405, "/")
    assert answer.headers["Allow"] == ALL_METHODS


# RFC 9457 asks for a URI reference: the path as sent, up to what RFC 3986 does not allow in one.
@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ('/a"b\\c', "/a"),
        ("/a%22b%5cc%0a", "/a%22b%5cc%0a"),
        ("/%ff%C3%A9", "/%ff%C3%A9"),
        ('/x?q="s', "/x"),
        (b"/\xff\xfe", "/"),
    ],
)
def test_instance_is_the_path_as_it_was_sent(send, path, instance):
    assert_problem(send(get(path)), 404, instance)


@pytest.mark.parametrize("end", [b"\xff\xfe", b"?q=\xff", "é".encode(), "?q=é".encode()])
def test_bytes_that_no_uri_has_do_not_reach_a_service(send, end):
    assert_problem(send(get(NOTES.encode() + end)), 400, NOTES)


@pytest.mark.parametrize(
    "start",
    [
        get("/%zz"),
        get("/%00"),
        b"OPTIONS * HTTP/1.1",
        f"CONNECT {NOTES} HTTP/1.1",
        b"\x00\x01\x02\xff\xfe garbage",
        # The first bytes of a TLS client's hello.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_has_no_instance(send, start):
    assert_problem(send(start), 400, "")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Host: localhost", "Host: localhost"],
        ["Host: local host"],
        ["Host: localhost", "X-Folded: a\r\n b"],
        ["Host: localhost", "no colon"],
        ["Host: localhost", "Transfer-Encoding: chunked", "Content-Length: 2"],
        ["Host: localhost", "Content-Length: -1"],
        ["Host: localhost", "Transfer-Encoding: chunked", "", "not a length"],
    ],
)
def test_malformed_requests_are_refused(send, headers):
    lines = [f"POST {NOTES} HTTP/1.1", *headers, "", ""]
    assert_problem(send("\r\n".join(lines).encode(), whole=True), 400)


def test_an_unknown_transfer_coding_and_version(send):
    assert_problem(send(f"POST {NOTES} HTTP/1.1", "Transfer-Encoding: gzip"), 501)
    assert_problem(send(f"GET {NOTES} HTTP/3.0"), 505)


@pytest.mark.parametrize("path", [NOTES, "/api/v1/users/", "/nope"])
@pytest.mark.parametrize("headers", [[], ["Expect: 100-continue"]])
def test_a_body_that_is_too_large_is_refused(send, path, headers):
    answer = send(f"POST {path} HTTP/1.1", "Content-Length: 13000000", *headers)
    assert_problem(answer, 413, path)


def test_chunks_that_are_too_many_are_refused(send):
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    body = chunk * 13 + b"0\r\n\r\n"
    answer = send(f"POST {NOTES} HTTP/1.1", "Transfer-Encoding: chunked", body=body)
    assert_problem(answer, 413, NOTES)


def line_of(length):
    start, end = f"GET {NOTES}?q=", " HTTP/1.1"
    return start + "x" * (length - len(start) - len(end)) + end


def test_the_length_of_a_request_line(send):
    # 8,190 bytes are gunicorn's most, so this comes from the service.
    assert_problem(send(line_of(8190), "Accept: application/json"), 401, NOTES)
    assert_problem(send(get("/" + "x" * 9000)), 414)


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Long: " + "x" * 9000],
        [f"X-Long-{number}: " + "x" * 7980 for number in range(5)],
        [f"X-Many-{number}: {'x' * 32}" for number in range(1000)],
    ],
)
def test_headers_that_are_too_large_are_refused(send, headers):
    assert_problem(send(get(NOTES), *headers), 431)


def test_many_headers_pass(send):
    headers = [f"X-Many-{number}: x" for number in range(200)]
    assert_problem(send(get(NOTES), "Accept: application/json", *headers), 401, NOTES)


def test_static_files(api):
    answer = api.get(STYLE, headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css"
    assert answer.headers["Cache-Control"] == "max-age=3600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]
    etag = answer.headers["ETag"]
    assert api.get(STYLE, headers={"If-None-Match": etag}).status_code == 304
    compressed = api.get(STYLE, headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.headers["Vary"] == "Accept-Encoding"
    assert compressed.headers["ETag"] == f"W/{etag}"
    assert compressed.content == answer.content


def test_conditions_on_static_files_that_fail(api):
    plain = {"Accept-Encoding": "identity"}
    # A server may ignore a range (RFC 9110, 14.2).
    assert api.get(STYLE, headers={**plain, "Range": "bytes=99999999-"}).status_code == 200
    assert_problem(api.get(STYLE, headers={**plain, "If-Match": '"x"'}), 412, STYLE)


def test_each_answer_has_one_request_id_of_the_gateways_own(api, send):
    for path in ("/nope", "/healthz", NOTES, "/api/v1/users/", STYLE):
        answer = send(get(path), "X-Request-ID: chosen-by-the-client")
        (request_id,) = answer.headers.get_all("X-Request-ID")
        assert re.fullmatch("[0-9a-f]{32}", request_id)


@pytest.fixture
def listener(stack):
    """In place of the notes service: gives one request's bytes and answers it."""
    stack.notes.stop()
    with socket.create_server(("127.0.0.1", stack.notes.port)) as server:
        server.settimeout(60)

        def listen():
            connection, _ = server.accept()
            with connection:
                request = connection.recv(65536)
                connection.sendall(b"HTTP/1.1 204 No Content\r\nX-Request-ID: the-services\r\n\r\n")
            return request.decode()

        yield listen
    stack.notes.start()
    stack.notes.wait_ready()


def test_what_a_client_says_of_its_way_is_not_passed_on(send, listener):
    forged = [
        "X-Request-ID: forged",
        "X-Forwarded-Host: forged.example",
        "X-Forwarded-Proto: forged",
        "X-Forwarded-For: 203.0.113.9",
        "Forwarded: host=forged.example",
    ]
    with ThreadPoolExecutor() as pool:
        arriving = pool.submit(listener)
        answer = send(f"GET {NOTES}?q=%22 HTTP/1.1", *forged, "X-Other: passed on")
        line, *headers = arriving.result().rstrip().split("\r\n")
    assert line == f"GET {NOTES}?q=%22 HTTP/1.1"
    (request_id,) = answer.headers.get_all("X-Request-ID")
    assert sorted(headers) == [
        "Host: localhost",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "X-Forwarded-Proto: http",
        "X-Other: passed on",
        f"X-Request-ID: {request_id}",
    ]


@pytest.fixture
def behind_tls(stack, tmp_path):
    """The URL of a gateway to the same services, as it is with TLS in front of it."""
    ports = Ports(free_ports(), stack.ports.first)
    gateway = Nginx("gateway-behind-tls", stack.children, tmp_path, ports)
    gateway.variables["GATEWAY_URL"] = "https://notes.example"
    gateway.start()
    try:
        gateway.wait_ready()
        yield ports.gateway_url
    finally:
        gateway.stop()


def test_behind_tls_every_absolute_address_is_https(behind_tls):
    https = behind_tls.replace("http:", "https:")
    user = User()
    registered = Client(behind_tls, user).post("/api/v1/users/", json=user.registration)
    client = Api(behind_tls).sign_in(user)
    assert registered.headers["Location"] == f"{https}/api/v1/users/{registered.json()['id']}/"
    for title in ("First", "Second"):
        written = client.post(NOTES, json={"title": title})
        assert written.headers["Location"] == f"{https}{NOTES}{written.json()['id']}/"
    page = client.get(f"{NOTES}?limit=1")
    assert page.json()["next"].startswith(f"{https}{NOTES}?")
    assert page.headers["Link"] == f'<{page.json()["next"]}>; rel="next"'


def test_one_request_id_leads_through_the_logs(stack, api, wait_until):
    """And none that a client chose."""
    chosen = {"X-Request-ID": "chosen-by-the-client"}
    ids = {
        "users": api.get("/api/v1/users/me/", headers=chosen).headers["X-Request-ID"],
        "notes": api.get(NOTES, headers=chosen).headers["X-Request-ID"],
    }
    logs = {name: stack.folder / "logs" / f"{name}.log" for name in ("users", "notes", "gateway")}
    for service, request_id in ids.items():
        for log in (logs[service], logs["gateway"]):
            wait_until(lambda log=log, wanted=request_id: wanted in log.read_text())
    assert not any("chosen-by-the-client" in log.read_text() for log in logs.values())


@pytest.mark.parametrize("path", ["/api/v1/users/", NOTES])
def test_without_a_host_no_service_takes_its_own_name(send, path):
    line = b"GET " + path.encode() + b" HTTP/1.0"
    answer = send(line + b"\r\nAccept: application/json\r\n\r\n", whole=True)
    assert answer.status_code == 400
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/users/", NOTES])
def test_an_unknown_host_is_refused(send, path):
    assert_problem(send(get(path), "Accept: application/json", host="evil.example"), 400, path)


@pytest.mark.parametrize(("service", "path"), [("users", "/api/v1/users/"), ("notes", NOTES)])
def test_a_service_that_is_away(stack, api, wait_until, service, path):
    part = getattr(stack, service)
    part.stop()
    try:
        answer = api.get(path)
        assert_problem(answer, 502, path)
        assert answer.headers["Retry-After"] == "5"
        assert api.get("/healthz").status_code == 200
    finally:
        part.start()
        part.wait_ready()
    wait_until(lambda: api.get(path).status_code == 401)


def test_the_access_log(stack, send, wait_until):
    send(get(b'/first?q="secret-of-a-query"'), "User-Agent: \xff\xfe")
    send(get(b'/se%22cond\xff"'))
    send("FOO /third HTTP/1.1")
    send(f"GET {NOTES}?q=secret-of-a-query HTTP/1.1")
    send(b"\xff\xfe garbage \x00")
    send("GET /last HTTP/1.1")
    log = stack.folder / "logs" / "gateway.log"
    wait_until(lambda: '"path":"/last"' in log.read_text())
    text = log.read_bytes().decode()
    assert "secret-of-a-query" not in text
    entries = [json.loads(line) for line in text.splitlines()]
    seen = {(entry["method"], entry["path"]) for entry in entries}
    assert {("GET", "/first"), ("GET", "/se%22cond"), ("FOO", "/third"), ("GET", NOTES)} <= seen
    assert not any("?" in path for _, path in seen)


def test_the_gateway_answers_with_json_to_a_client_that_says_nothing(stack):
    answer = requests.get(f"{stack.gateway_url}{NOTES}", headers={"Accept": None}, timeout=60)
    assert_problem(answer, 401, NOTES)
