"""The endpoint that the notes service asks, and how the table is read for it."""

import uuid

import pytest
from django.db import connection

from accounts.models import User
from outbox import digests
from tests.plans import explained, nodes
from tests.users.conftest import json_client

pytestmark = pytest.mark.django_db
URL = "/internal/v1/user-digests/"
SECRET = "the secret of both services"


@pytest.fixture
def secret(settings):
    settings.COMPARISON_SECRET = SECRET
    return SECRET


@pytest.fixture
def notes(secret):
    """The notes service's client."""
    return json_client(secret)


@pytest.fixture
def people(new_user):
    return [new_user(name) for name in ("ada", "bob", "cyd")]


def test_the_buckets(notes, people):
    response = notes.get(URL)
    assert response["Content-Type"] == "application/json"
    assert "no-store" in response["Cache-Control"]
    assert sum(count for _, count, _ in response.json()) == 3
    assert sorted(map(tuple, response.json())) == sorted(digests.bucket_digests())


def test_the_users_of_some_buckets(notes, people):
    ada, bob, _ = people
    response = notes.get(URL, {"bucket": [user.id.int >> 112 for user in (ada, bob)]})
    rows = {uuid.UUID(user): rest for user, *rest in response.json()}
    assert rows.keys() == {ada.id, bob.id}
    assert rows[ada.id][0] == 1
    User.objects.filter(pk=ada.pk).update(username="lovelace")
    ((_, version, digest),) = notes.get(URL, {"bucket": ada.id.int >> 112}).json()
    assert version == 2
    assert digest != rows[ada.id][1]


def test_an_empty_bucket(notes):
    assert notes.get(URL, {"bucket": 17}).json() == []


def test_without_a_secret_there_is_nothing(settings, people):
    settings.COMPARISON_SECRET = ""
    for client in (json_client(), json_client("x"), json_client(" ")):
        response = client.get(URL)
        assert (response.status_code, response.json()["title"]) == (404, "Not Found")


@pytest.mark.parametrize("token", [None, "", "x", SECRET[:-1], SECRET + "x", "Geheimnis Ü"])
def test_another_secret_is_refused(secret, people, token):
    response = json_client(token).get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"
    assert str(people[0].id)[:4] not in response.content.decode()


def test_an_access_token_is_no_secret(secret, signed_in, staff):
    assert signed_in(staff).get(URL).status_code == 401


@pytest.mark.parametrize(
    "buckets", [["65536"], ["-1"], [""], ["x"], ["1", "²"], ["9" * 5000], ["1"] * 257]
)
def test_buckets_that_are_none(notes, buckets):
    assert notes.get(URL, {"bucket": buckets}).status_code == 400


def test_it_only_reads(notes):
    response = notes.post(URL)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def test_every_id_is_in_the_range_of_its_bucket():
    first, last = digests.bucket_range(0x7E26)
    assert str(first) == "7e260000-0000-0000-0000-000000000000"
    assert str(last) == "7e26ffff-ffff-ffff-ffff-ffffffffffff"
    assert digests.bucket_range(digests.BUCKETS - 1)[1] == uuid.UUID(int=2**128 - 1)


def test_the_users_of_buckets_are_found_by_the_primary_key(notes, django_assert_num_queries):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, username, password)"
            " SELECT n || '@example.com', n, '!' FROM generate_series(1, 20000) AS n"
        )
        cursor.execute("ANALYZE users")
    with django_assert_num_queries(1), explained() as plans:
        notes.get(URL, {"bucket": range(256)})
    (plan,) = plans
    assert {node["Index Name"] for node in nodes(plan) if "Index Name" in node} == {"users_pkey"}
    assert not any(node["Node Type"] == "Seq Scan" for node in nodes(plan))


def test_the_whole_table_may_take_longer_than_other_requests(people, monkeypatch):
    given = []

    def execute(run, sql, *rest):
        given.append((sql, connection.connection.answer_within))
        return run(sql, *rest)

    with connection.execute_wrapper(execute):
        digests.bucket_digests()
    assert ("SET LOCAL statement_timeout = '60s'", 62) in given
    assert given[-2][0].startswith("SELECT bucket,")
    assert given[-2][1] == 62
    assert connection.connection.answer_within is None
