"""Problem details (RFC 9457) as every part of the system gives them."""

MEMBERS = ["type", "title", "status", "detail", "instance", "request_id"]


def assert_problem(answer, status, instance=None):
    """The answer's body, which is a problem of this status and names the request it is about."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert list(body)[: len(MEMBERS)] == MEMBERS
    assert all(isinstance(body[name], str) for name in MEMBERS if name != "status")
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert instance in (None, body["instance"])
    return body
