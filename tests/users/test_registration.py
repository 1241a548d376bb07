import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.threads import at_once
from tests.users.conftest import PASSWORD

USERS = "/api/v1/users/"
ADA = {"email": "ada@example.com", "username": "ada", "password": "correct horse 9"}


@pytest.mark.django_db
def test_answers_with_the_user_and_its_address(anonymous):
    response = anonymous.post(USERS, {**ADA, "email": "Ada@EXAMPLE.com"})
    assert response.status_code == 201
    user = User.objects.get()
    assert response["Location"] == f"http://testserver/api/v1/users/{user.id}/"
    body = response.json()
    assert list(body) == ["id", "email", "username", "created_at", "updated_at"]
    assert body["id"] == str(user.id)
    assert (body["email"], body["username"]) == ("Ada@example.com", "ada")
    assert body["created_at"] == body["updated_at"] == user.created_at.isoformat()[:-6] + "Z"
    assert user.check_password(ADA["password"])
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)


@pytest.mark.django_db(transaction=True)
def test_costs_one_transaction(anonymous):
    with CaptureQueriesContext(connection) as queries:
        assert anonymous.post(USERS, ADA).status_code == 201
    statements = [query["sql"].split()[0] for query in queries]
    # The first says to the audit log who asks.
    assert statements == ["BEGIN", "SELECT", "INSERT", "COMMIT"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "field", ["id", "is_staff", "is_superuser", "is_active", "version", "created_at", "groups", "x"]
)
def test_refuses_fields_that_nobody_may_set(anonymous, errors, field):
    assert errors(anonymous.post(USERS, {**ADA, field: True})) == {f"/{field}": "unknown"}
    assert not User.objects.exists()


@pytest.mark.django_db
def test_echoes_few_names_and_none_whole(anonymous, errors):
    unknown = {f"{number:03}" + "x" * 1000: 1 for number in range(500)}
    named = errors(anonymous.post(USERS, {**ADA, **unknown}))
    assert len(named) == 10
    assert max(map(len, named)) == 101


@pytest.mark.django_db
def test_only_a_form_has_a_csrf_token(anonymous, errors):
    body = {**ADA, "csrfmiddlewaretoken": "x"}
    assert errors(anonymous.post(USERS, body)) == {"/csrfmiddlewaretoken": "unknown"}
    assert anonymous.post(USERS, body, format="multipart").status_code == 201


@pytest.mark.django_db
def test_names_every_error_at_once(anonymous, errors):
    body = {"email": "no address", "username": "", "is_staff": True}
    assert errors(anonymous.post(USERS, body)) == {
        "/email": "invalid",
        "/username": "blank",
        "/password": "required",
        "/is_staff": "unknown",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", " ada@example.com"),
        ("email", "ada@example.com\n"),
        ("email", f"{'a' * 250}@example.com"),
        ("email", "a\0da@example.com"),
        ("email", "\ud800@example.com"),
        ("email", None),
        ("email", ["ada@example.com"]),
        ("username", "ada "),
        ("username", "a\0da"),
        ("username", "\ud800"),
        ("username", "a" * 101),
        ("username", "\ufdfa" * 10),
        ("username", {"a": 1}),
        ("password", "correct\0horse 9"),
        ("password", "\ud800 correct horse"),
        ("password", "short"),
        ("password", "password123"),
        ("password", "9876543210123"),
        ("password", "ada@example.com"),
        ("password", "x1" * 513),
        ("password", "x1" * 5_000_000),
    ],
)
def test_refuses_bad_values(anonymous, errors, field, value):
    # Not the test client's renderer: it cannot write a lone surrogate.
    body = json.dumps({**ADA, field: value})
    response = anonymous.generic("POST", USERS, body, content_type="application/json")
    assert list(errors(response)) == [f"/{field}"]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_keeps_a_password_to_the_letter(anonymous):
    assert anonymous.post(USERS, {**ADA, "password": "  correct horse  "}).status_code == 201
    assert User.objects.get().check_password("  correct horse  ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("taken", "pointer"),
    [
        ({"email": "ada@example.com"}, "/email"),
        ({"email": "ADA@Example.com"}, "/email"),
        ({"username": "ada"}, "/username"),
        ({"username": "aDa"}, "/username"),
        ({"username": "\uff41da"}, "/username"),
    ],
)
def test_a_name_is_taken_in_any_letter_case(anonymous, errors, ada, taken, pointer):
    body = {**ADA, "email": "other@example.com", "username": "other", **taken}
    assert errors(anonymous.post(USERS, body)) == {pointer: "taken"}


@pytest.mark.parametrize("other", ["ada", "bob"])
def test_all_that_is_taken_is_named_at_once(anonymous, errors, ada, new_user, other):
    if other == "bob":
        new_user("bob")
    body = {**ADA, "email": f"{other}@EXAMPLE.com", "username": "ADA"}
    assert errors(anonymous.post(USERS, body)) == {"/email": "taken", "/username": "taken"}


@pytest.mark.django_db
def test_a_name_is_taken_beyond_ascii(anonymous, errors, new_user):
    new_user("ärger")
    body = {**ADA, "username": "ÄRGER"}
    assert errors(anonymous.post(USERS, body)) == {"/username": "taken"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("field", ["email", "username"])
def test_one_of_many_at_once_gets_the_name(anonymous, errors, field):
    def register(number):
        other = {"email": f"a{number}@example.com", "username": f"a{number}"}
        taken = ADA[field].upper() if number % 2 else ADA[field]
        return anonymous.post(USERS, {**ADA, **other, field: taken})

    responses = at_once(register, 8)
    refused = [response for response in responses if response.status_code != 201]
    assert len(refused) == 7
    assert all(errors(response) == {f"/{field}": "taken"} for response in refused)
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'"ada"', b"{", b"", b"[" * 100_000, b"NaN", b"\xff"]
)
def test_a_body_that_is_no_object(anonymous, body):
    response = anonymous.generic("POST", USERS, body, content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_a_field_name_that_no_answer_can_carry(anonymous):
    body = b'{"email": "a@example.com", "username": "a", "password": "correct horse", "\\ud800": 1}'
    response = anonymous.generic("POST", USERS, body, content_type="application/json")
    assert [error["pointer"] for error in response.json()["errors"]] == ["/?"]


@pytest.mark.django_db
def test_a_username_is_no_address(anonymous):
    """It is public, and goes into events and tokens; an e-mail address must not."""
    body = {"email": "ada@example.com", "username": "ada@example.com", "password": PASSWORD}
    response = anonymous.post("/api/v1/users/", body)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/username"]
    assert not User.objects.exists()
