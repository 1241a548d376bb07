"""No log line holds a password, a hash, a token or an e-mail address."""

import json
import logging
from contextlib import nullcontext

import pytest
from django.db import connection
from django.http import StreamingHttpResponse

from accounts.models import User
from config.logs import News, RequestLog
from tests.users.conftest import PASSWORD, json_client

FORM = "application/x-www-form-urlencoded"
USERS, TOKEN = "/api/v1/users/", "/api/v1/auth/token/"
ADA = {"email": "secret-address@example.com", "username": "secret-ada", "password": "s3cret horse"}


def assert_silent(log, *secrets):
    lines = log.getvalue()
    assert lines
    assert all(json.loads(line)["request_id"] for line in lines.splitlines())
    for secret in ("secret", "s3cret", "md5$", "bcrypt", *secrets):
        assert secret not in lines


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "code", "level"), [("me/", 200, "info"), ("nobody@example.com/", 404, "warning")]
)
def test_a_request_is_a_line_with_its_id_and_its_user(api, ada, log, path, code, level):
    assert api.get(f"{USERS}{path}", headers={"x-request-id": "by-gateway"}).status_code == code
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["request"] == f"GET {USERS}{path.replace('nobody@example.com', '(left out)')}"
    assert (line["event"], line["code"], line["level"]) == ("request_finished", code, level)
    assert line["request_id"] == "by-gateway"
    assert line.get("user_id") == (str(ada.id) if code == 200 else None)


@pytest.mark.parametrize("broken", [False, True])
def test_the_lines_of_a_stream_have_the_id_of_its_request(rf, log, broken):
    def stream():
        yield b"1"
        if broken:
            raise EOFError

    request = rf.get("/", headers={"x-request-id": "by-gateway"})
    response = RequestLog(lambda _: StreamingHttpResponse(stream()))(request)
    with pytest.raises(EOFError) if broken else nullcontext():
        assert b"".join(response.streaming_content) == b"1"
    first, last = map(json.loads, log.getvalue().splitlines())
    assert first["event"] == "request_finished"
    assert last["event"] == ("streaming_failed" if broken else "streaming_finished")
    assert first["request_id"] == last["request_id"] == "by-gateway"
    assert ("EOFError" in last.get("exception", "")) is broken


@pytest.mark.django_db
def test_the_usual_way(anonymous, log):
    assert anonymous.post(f"{USERS}?secret=1", ADA).status_code == 201
    assert anonymous.post(USERS, ADA).status_code == 409
    wrong = {"username": ADA["username"], "password": "s3cret wrong"}
    assert anonymous.post(TOKEN, wrong).status_code == 401
    by_address = {"email": ADA["email"], "password": ADA["password"]}
    tokens = anonymous.post(TOKEN, by_address).json()
    renewed = anonymous.post(f"{TOKEN}refresh/", {"refresh": tokens["refresh"]}).json()
    client = json_client(renewed["access"])
    change = {"email": "secret2@example.com", "password": ADA["password"]}
    assert client.patch(f"{USERS}me/", change).status_code == 200
    assert client.get(f"{USERS}me/").status_code == 200
    assert json_client("s3cret.token").get(f"{USERS}me/").status_code == 401
    assert client.delete(f"{USERS}me/", {"password": ADA["password"]}).status_code == 204
    assert_silent(log, tokens["refresh"], tokens["access"], renewed["refresh"], renewed["access"])


def test_the_browsers_way(browser, ada, log):
    page = browser.get("/login/?next=/secret")
    token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    body = {"username": "secret@example.com", "password": PASSWORD, "csrfmiddlewaretoken": token}
    browser.post("/login/", body)
    browser.post("/login/", {**body, "username": "ada"})
    assert_silent(log, PASSWORD, token, browser.cookies["access_token"].value, ada.email)


@pytest.mark.django_db
def test_a_row_that_the_database_refuses(anonymous, log):
    """PostgreSQL's DETAIL holds the whole row; the traceback must not."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users ADD CONSTRAINT refuse CHECK (username <> 'secret-ada')")
    assert anonymous.post(USERS, ADA).status_code == 500
    assert "violates check constraint" in log.getvalue()
    assert "Failing row" not in log.getvalue()
    assert_silent(log)


def test_deadlocks_and_timeouts(api, ada, log):
    """A statement that runs into the limit names no values either."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(5); RETURN NEW; END';"
            "CREATE TRIGGER slow BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION slow();"
            "SET LOCAL statement_timeout = '50ms'"
        )
    change = {"email": "secret@example.com", "password": PASSWORD}
    assert api.patch(f"{USERS}me/", change).status_code == 503
    assert_silent(log)


@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        (lambda client: client.get(USERS, headers={"host": "evil.example"}), "'evil.example'"),
        (
            lambda client: client.post(USERS, "a=b&" * 20_000, content_type=FORM),
            "exceeded",
        ),
    ],
)
def test_a_request_that_django_refuses_is_one_line_without_a_traceback(log, request_of, reason):
    response = request_of(json_client())
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    (line,) = [line for line in map(json.loads, log.getvalue().splitlines()) if reason in str(line)]
    assert reason in line["event"]
    assert "Traceback" not in log.getvalue()


def test_a_client_that_cannot_connect_says_so_once(log):
    librdkafka = logging.getLogger("librdkafka")
    line = "[thrd:k%d:9092/%d]: Failed to resolve (after %dms in state CONNECT%s)"
    for values in ((1, 1, 5, ""), (2, 1, 17, ", 3 identical error(s) suppressed")):
        librdkafka.error(line, *values)
    librdkafka.error("All brokers are down")
    assert len(log.getvalue().splitlines()) == 2


def test_what_was_not_said_for_a_minute_is_news_again():
    now = [0.0]
    news = News(clock=lambda: now[0])
    passed = []
    for now[0] in (0, 50, 100, 150, 211):
        passed.append(news.filter(logging.makeLogRecord({"msg": f"{now[0]} failed"})))
    assert passed == [True, False, False, False, True]


def test_the_database_client_repeats_no_exception(log):
    logging.getLogger("psycopg").warning("error ignored terminating %r: %s", "pipeline", "lost")
    assert log.getvalue() == ""


def test_user_objects_print_no_address(ada):
    assert "example.com" not in repr(User.objects.get())
