"""Headers that Django cannot read are a problem of the request, and no error of this service."""

import json
from importlib import import_module
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import pytest

from config import roles
from config.headers import without_unreadable
from config.postgresql.base import Connection


@pytest.fixture
def application(monkeypatch):
    """What gunicorn runs. Loading it limits the waits of its process, here that of all tests, and
    asks for a role that is not theirs."""
    monkeypatch.setattr(Connection, "answer_within", None)
    monkeypatch.setattr(roles, "require", lambda _: None)
    return import_module("config.wsgi").application


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["CONTENT_TYPE", "HTTP_ACCEPT"])
@pytest.mark.parametrize(
    "header", ["a/b; c*=nope''d", "a/b, c/d; q*=nope''1", "a/b; c*=no,pe''d", "a/b; c*0*=nope''d"]
)
def test_what_cannot_be_read_counts_as_left_out(application, name, header):
    environ = {"PATH_INFO": "/nothing/", "HTTP_HOST": "testserver", "wsgi.input": BytesIO()}
    setup_testing_defaults(environ)
    head = []
    environ[name] = header
    body = b"".join(application(environ, lambda status, headers: head.extend((status, headers))))
    assert (head[0], json.loads(body)["status"]) == ("404 Not Found", 404)
    assert dict(head[1])["Content-Type"] == "application/problem+json"


def test_what_can_be_read_stays():
    environ = {"CONTENT_TYPE": "a/b; c*=utf-8''d", "HTTP_ACCEPT": "a/b; c*=utf-8''d, */*; q=0.5"}
    passed = []
    without_unreadable(lambda environ, _: passed.append({**environ}))({**environ}, None)
    assert passed == [environ]
