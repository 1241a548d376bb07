"""HTTP as no client sends it: nothing reaches a service that the gateway has not understood."""

import json
import re
import socket
import time
from contextlib import suppress

import pytest

from tests.system import raw
from tests.system.problems import assert_problem

NOTES, USERS = "/api/v1/notes/", "/api/v1/users/"
DIGESTS = "/internal/v1/user-digests/"  # of the services among themselves
SMUGGLED = f"GET {DIGESTS}?smuggled HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: smuggled\r\n\r\n"
IN_CHUNKS = f"0\r\n\r\n{SMUGGLED}"
IN_CHUNK = f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def first(*headers, body, line=f"POST {NOTES} HTTP/1.1"):
    return "\r\n".join([line, "Host: localhost", *headers, "", body])


def of_length(body):
    return f"Content-Length: {len(body)}"


def with_length(coding, line=f"POST {NOTES} HTTP/1.1"):
    """Who knows the coding finds a second request behind the first one's end."""
    return first(coding, of_length(IN_CHUNKS), body=IN_CHUNKS, line=line)


# The name says whose word the front and the back end of a pair that differs take for the end.
SMUGGLING = {
    "CL.TE": first(of_length(IN_CHUNKS), CHUNKED, body=IN_CHUNKS),
    "TE.CL": first(CHUNKED, "Content-Length: 4", body=IN_CHUNK),
    "CL.CL": first("Content-Length: 0", of_length(SMUGGLED), body=SMUGGLED),
    "CL list": first(f"Content-Length: 0, {len(SMUGGLED)}", body=SMUGGLED),
    "CL plus": first(f"Content-Length: +{len(SMUGGLED)}", body=SMUGGLED),
    "CL hexadecimal": first("Content-Length: 0x1", body=SMUGGLED),
    "CL by LF": first(f"Content-Length: 0\n{of_length(SMUGGLED)}", body=SMUGGLED),
    "TE.TE": with_length(f"{CHUNKED}\r\nTransfer-Encoding: x"),
    "TE unknown": with_length("Transfer-Encoding: xchunked"),
    "TE list": with_length(f"{CHUNKED}, identity"),
    "TE tab": with_length("Transfer-Encoding:\tchunked"),
    "TE vertical tab": with_length("Transfer-Encoding: \x0bchunked"),
    "TE blank": with_length("Transfer-Encoding : chunked"),
    "TE folded": with_length("Transfer-Encoding:\r\n chunked"),
    "TE underscore": with_length("Transfer_Encoding: chunked"),
    "TE in 1.0": with_length(CHUNKED, f"POST {NOTES} HTTP/1.0"),
    "chunk by LF": first(CHUNKED, body="2\n{}\r\n0\r\n\r\n"),
    "chunk too large": first(CHUNKED, body=f"ffffffffffffffff2\r\n{SMUGGLED}"),
    "chunk extension by LF": first(CHUNKED, body=f"2;\n{len(SMUGGLED):x}\r\n{SMUGGLED}"),
    "trailer": first(CHUNKED, body=f"0\r\n{of_length(SMUGGLED)}\r\n\r\n{SMUGGLED}"),
    "header by CR": first(f"X-First: a\r{of_length(SMUGGLED)}", body=SMUGGLED),
    "header by LF": first("X-First: a\nX-Second: b\n\n", body=SMUGGLED),
    "header with NUL": first("X-First: a\0b", "Content-Length: 0", body=SMUGGLED),
    "GET with a body": first(of_length(SMUGGLED), body=SMUGGLED, line=f"GET {NOTES} HTTP/1.1"),
    "upgrade": first("Connection: Upgrade", "Upgrade: h2c", body=SMUGGLED),
    "line with CR LF": first(body=SMUGGLED, line=f"GET {NOTES}%0d%0aX:y HTTP/1.1"),
}


def answers_to(port, request):
    """All that the gateway says on the connection until it is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request.encode("latin-1"))
        # What a client sends last ends the connection, in whatever state it is.
        connection.shutdown(socket.SHUT_WR)
        given = b""
        while part := connection.recv(65536):
            given += part
    return given.decode("latin-1")


def request_ids(log):
    entries = (json.loads(line) for line in log.read_text().splitlines() if line[0] == "{")
    return {entry["request_id"] for entry in entries if "request_id" in entry}


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling(stack, wait_until, name):
    logs = {name: stack.folder / "logs" / f"{name}.log" for name in ("gateway", "users", "notes")}
    given = answers_to(stack.gateway.port, SMUGGLING[name])
    for status in re.findall(r"HTTP/1\.[01] (\d+)", given):
        # 404 is the gateway's own answer to the second request, seen as one.
        assert status in ("400", "401", "404", "405", "501"), given
    # What came to a service before this came to it too.
    mark = raw.send(stack.gateway.port, raw.request(f"GET {NOTES} HTTP/1.1")).headers[
        "X-Request-ID"
    ]
    wait_until(lambda: mark in logs["notes"].read_text())
    assert "smuggled" not in logs["notes"].read_text() + logs["users"].read_text()
    assert f"GET {DIGESTS}" not in logs["notes"].read_text()


def test_each_request_of_a_service_is_one_of_the_gateways(stack, api, wait_until):
    """By what was said of all others before: so it is the last of this module that looks."""
    mark = api.get(NOTES).headers["X-Request-ID"]
    gateway, notes = (stack.folder / "logs" / f"{name}.log" for name in ("gateway", "notes"))
    wait_until(lambda: mark in gateway.read_text() and mark in notes.read_text())
    finished = [
        entry
        for line in notes.read_text().splitlines()
        if line[0] == "{" and (entry := json.loads(line)).get("event") == "request_finished"
    ]
    assert {entry["request_id"] for entry in finished} <= request_ids(gateway)


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v1/users/%2e%2e/%2e%2e/%2e%2e/internal/v1/user-digests/", f"//{DIGESTS}"),
        *("/api/v1/users/..%2f..%2f..%2finternal/v1/user-digests/", f"/%2f{DIGESTS}"),
        *("/internal%2fv1%2fuser-digests%2f", "/internal/v1/user-digests%2f", f"/x/..{DIGESTS}"),
        *(f"/login/..{DIGESTS}", f"/login/..;{DIGESTS}", f"/login/%2e.{DIGESTS}"),
        *(f"/login//..{DIGESTS}", "/internal/v1%5cuser-digests/", f"/%252e%252e{DIGESTS}"),
        *("/static/users/..%2f..%2fconfig/settings.py", "/static/users/%2e%2e/manage.py"),
        *("/static/users//etc/passwd", "/static/users/../../users_project/manage.py"),
        *("/static/users../manage.py", "/static/users/.%2e/config/settings.py"),
        *("/static/notes/..%5c..%5cmanage.py", "/.env", "/.git/config", "/manage.py"),
    ],
)
def test_paths_lead_nowhere_else(stack, send, path):
    secret = stack.environment()["COMPARISON_SECRET"]
    answer = send(f"GET {path} HTTP/1.1", f"Authorization: Bearer {secret}", "Accept: */*")
    assert_problem(answer, 404)


@pytest.mark.parametrize("path", ["/%00", f"{NOTES}%00", "/static/users/%00.css", f"{USERS}%00/"])
def test_nul_in_a_path(send, path):
    assert_problem(send(f"GET {path} HTTP/1.1"), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1//notes/",
        "/api/v1/./notes/",
        "/api/v1/x/../notes/",
        "/api/v1/%6eotes/",
        "//api/v1/notes/",
    ],
)
def test_one_page_is_not_another_without_a_token(send, path):
    """Whatever the gateway and the service make of it, nobody gets in."""
    answer = send(f"GET {path} HTTP/1.1", "Accept: application/json")
    assert answer.status_code in (401, 404)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "localhost.evil.example",
            "localhost:80@evil.example",
            "127.0.0.1.nip.io",
        ),
        *("[::1", "localhost:port", "evil.example:4000", "", "localhost evil.example"),
    ],
)
@pytest.mark.parametrize("path", [USERS, NOTES, "/login/"])
def test_only_known_hosts(send, host, path):
    answer = send(f"GET {path} HTTP/1.1", "Accept: application/json", host=host)
    assert_problem(answer, 400)
    assert "evil" not in answer.text + str(answer.headers)


def test_an_absolute_address_is_in_no_link(send, api):
    client = api.sign_in()
    for title in ("First", "Second"):
        client.post(NOTES, json={"title": title})
    token = f"Authorization: {client.headers['Authorization']}"
    line = f"GET http://evil.example{NOTES}?limit=1 HTTP/1.1"
    answer = send(line, "Accept: application/json", token)
    assert (answer.status_code, "Link" in answer.headers) in ((200, True), (400, False))
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example;proto=https"),
        *("X-Forwarded-Server: evil.example", "X-Host: evil.example", "X-Forwarded-Port: 666"),
        *("X-Original-URL: /admin/users/", "X-Rewrite-URL: /admin/users/", "Front-End-Https: on"),
        *("X-Forwarded-Proto: https", "X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl"),
        "X-HTTP-Method-Override: DELETE",
        *("X-Forwarded-Prefix: /evil", "Script-Name: /evil", "X_Forwarded_Host: evil.example"),
        *("Remote-User: admin", "X-Real-IP: 127.0.0.1", "X-Accel-Redirect: /static/users/x"),
    ],
)
def test_forged_headers_change_nothing(api, header):
    client = api.sign_in()
    client.post(NOTES, json={"title": "First"})
    client.post(NOTES, json={"title": "Second"})
    name, _, value = header.partition(": ")
    plain, forged = (
        client.get(f"{NOTES}?limit=1", headers=headers) for headers in ({}, {name: value})
    )
    assert (forged.status_code, forged.json()) == (200, plain.json())
    assert forged.headers["Link"] == plain.headers["Link"]
    login = api.get("/login/?next=/", headers={name: value, "Accept": "text/html"})
    assert login.status_code == 200
    assert "evil" not in login.text + str(login.headers)


def test_a_header_of_64_kb(send):
    assert_problem(send(f"GET {NOTES} HTTP/1.1", "X-Long: " + "x" * 65536), 431)
    assert_problem(send(f"GET {NOTES} HTTP/1.1", "Cookie: access_token=" + "x" * 65536), 431)
    assert_problem(send(f"GET {NOTES} HTTP/1.1", "Authorization: Bearer " + "x" * 65536), 431)


def test_a_line_and_a_body_that_are_too_long(send):
    assert_problem(send(f"GET {NOTES}?q={'x' * 65536} HTTP/1.1"), 414)
    assert_problem(send(f"POST {NOTES} HTTP/1.1", "Content-Length: 13000000"), 413, NOTES)


@pytest.mark.parametrize(
    "beginning",
    [
        f"POST {NOTES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{",
        f"POST {NOTES} HTTP/1.1\r\nHost: localhost\r\n{CHUNKED}\r\n\r\n5\r\n{{",
        f"GET {NOTES} HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    ],
)
def test_slow_clients_are_cut(gateway, stack, beginning):
    """Without a service having heard of them; with a shorter patience than the gateway's own."""
    patience = [
        ("client_body_timeout 20s;", "client_body_timeout 500ms;"),
        ("client_header_timeout 10s;", "client_header_timeout 500ms;"),
    ]
    log = stack.folder / "logs" / "notes.log"
    with gateway(replace=patience) as url:
        before = log.read_text().count("request_finished")
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(beginning.encode())
            with suppress(ConnectionResetError):  # that is how it is cut
                assert connection.recv(1024) == b""
        assert log.read_text().count("request_finished") == before


@pytest.mark.parametrize(
    ("path", "zone", "most"), [(NOTES, "connections", 200), (f"{NOTES}import/", "uploads", 10)]
)
def test_connections_of_an_address(gateway, path, zone, most):
    with gateway(replace=[(f"limit_conn {zone} {most};", f"limit_conn {zone} 2;")]) as url:
        port = int(url.rpartition(":")[2])
        beginning = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
        held = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(2)]
        for connection in held:
            connection.sendall(beginning.encode())
        deadline = time.monotonic() + 60
        line = raw.request(f"GET {path} HTTP/1.1", "Accept: application/json")
        while (answer := raw.send(port, line)).status_code != 429:
            assert time.monotonic() < deadline
        assert_problem(answer, 429, path)
        for connection in held:
            connection.close()


@pytest.mark.parametrize("path", [NOTES, USERS, "/nope", "/healthz", "/login/", "/static/users/x"])
def test_no_version_of_any_server(send, path):
    answer = send(f"GET {path} HTTP/1.1", "Accept: text/html")
    assert answer.headers["Server"] == "nginx"
    assert "X-Powered-By" not in answer.headers
    assert not re.search(r"nginx/|gunicorn|Django/|Python", answer.text + str(answer.headers))
