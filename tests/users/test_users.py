"""Reading, changing and deleting users over the API."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import PendingAddress, Session, User
from tests.plans import explained, nodes
from tests.threads import at_once
from tests.users.conftest import PASSWORD, json_client

USERS, ME = "/api/v1/users/", "/api/v1/users/me/"
PASSWORD_CHANGE = f"{ME}password/"


def test_me(api, ada, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = api.get(ME)
    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["id", "email", "username", "created_at", "updated_at"]
    assert (body["id"], body["email"]) == (str(ada.id), "ada@example.com")


def test_others_see_only_themselves(api, ada, new_user):
    bob = new_user("bob")
    assert [user["id"] for user in api.get(USERS).json()["results"]] == [str(ada.id)]
    assert api.get(f"{USERS}{ada.id}/").status_code == 200
    missing = api.get(f"{USERS}{uuid.uuid4()}/")
    hidden = api.get(f"{USERS}{bob.id}/")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["detail"] == missing.json()["detail"]


def test_staff_sees_all(signed_in, staff, ada):
    client = signed_in(staff)
    assert client.get(f"{USERS}{ada.id}/").json()["email"] == "ada@example.com"
    assert len(client.get(USERS).json()["results"]) == 2


@pytest.mark.django_db
def test_nobody_sees_nothing(anonymous):
    assert anonymous.get(USERS).status_code == 401


def pages(client, url, rel="next"):
    while url:
        response = client.get(url)
        assert response.status_code == 200, response.content
        yield [user["id"] for user in response.json()["results"]]
        url = response.json()[rel]


def test_pages_there_and_back(signed_in, staff):
    """Newest first, also where many users share one moment, as after bulk_create."""
    client = signed_in(staff)
    moment = timezone.now() - timedelta(days=1)
    many = [User(email=f"u{n}@example.com", username=f"u{n}", created_at=moment) for n in range(10)]
    User.objects.bulk_create(many)
    order = [
        str(pk) for pk in User.objects.order_by("-created_at", "-id").values_list("pk", flat=True)
    ]
    there = list(pages(client, f"{USERS}?limit=3"))
    assert [len(page) for page in there] == [3, 3, 3, 2]
    assert [key for page in there for key in page] == order
    url = f"{USERS}?limit=3"
    while client.get(url).json()["next"]:
        url = client.get(url).json()["next"]
    back = list(pages(client, url, "previous"))
    assert back[::-1] == there
    response = client.get(client.get(f"{USERS}?limit=3").json()["next"])
    assert response["Link"].count("rel=") == 2


def test_pages_stay_true_while_users_come_and_go(signed_in, staff, new_user):
    client = signed_in(staff)
    day = timezone.now() - timedelta(days=9)
    users = [new_user(f"u{n}", created_at=day + timedelta(hours=n)) for n in range(4)]
    first = client.get(f"{USERS}?limit=3").json()
    assert [user["username"] for user in first["results"]] == ["grace", "u3", "u2"]
    new_user("later")
    users[2].delete()
    second = client.get(first["next"]).json()
    assert [user["username"] for user in second["results"]] == ["u1", "u0"]


def test_a_page_costs_one_query_by_the_index(signed_in, staff, django_assert_num_queries):
    client = signed_in(staff)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, username, password)"
            " SELECT format('u%s@example.com', n), 'u' || n, '' FROM generate_series(1, 5000) AS n"
        )
        cursor.execute("ANALYZE users")
    url = client.get(f"{USERS}?limit=10").json()["next"]
    with django_assert_num_queries(2), explained() as plans:
        assert len(client.get(url).json()["results"]) == 10
    (scan,) = [node for node in nodes(plans[1]) if "Index Name" in node]
    assert scan["Index Name"] == "users_created_at_id"
    assert scan["Index Cond"].startswith("(ROW(created_at, id) < ROW(")
    assert not any("Filter" in node for node in nodes(plans[1]))


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1.5",
        "limit=\u0663",
        "limit=",
        "cursor=x",
        "cursor=%00",
        "cursor=%ED%A0%80",
        "cursor=WzFd:x",
        "cursor=" + "A" * 5000,
    ],
)
def test_bad_parameters(api, query):
    response = api.get(f"{USERS}?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == query.split("=")[0]


@pytest.mark.django_db(transaction=True)
def test_changing_yourself(api, ada):
    response = api.patch(
        ME, {"username": "countess", "email": "Ada@Example.ORG", "password": PASSWORD}
    )
    assert response.status_code == 200
    body = response.json()
    assert (body["username"], body["email"]) == ("countess", "Ada@example.org")
    user = User.objects.get(pk=ada.pk)
    assert user.version == 2
    assert body["updated_at"] == user.updated_at.isoformat()[:-6] + "Z" > body["created_at"]


def test_changing_nothing(api, ada):
    assert api.patch(ME, {}).status_code == 200
    assert api.patch(ME, {"username": "ada"}).status_code == 200
    assert User.objects.get(pk=ada.pk).version == 1


@pytest.mark.parametrize("body", [{"password": "another secret 1"}, {"email": "ada@example.com"}])
def test_what_is_no_change_takes_no_password_and_sets_none(api, ada, body):
    assert api.patch(ME, body).status_code == 200
    user = User.objects.get(pk=ada.pk)
    assert (user.version, user.password) == (1, ada.password)


def test_changing_only_the_letter_case(api):
    assert api.patch(ME, {"username": "ADA"}).json()["username"] == "ADA"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"is_staff": True}, {"/is_staff": "unknown"}),
        ({"email": "ada@example.org"}, {"/password": "wrong_password"}),
        ({"email": "ada@example.org", "password": "wrong"}, {"/password": "wrong_password"}),
        ({"email": "ada@example.org", "password": "x" * 1025}, {"/password": "max_length"}),
        ({"id": str(uuid.uuid4())}, {"/id": "unknown"}),
        ({"username": "b b"}, {"/username": "invalid"}),
        ({"username": 1}, {"/username": "invalid"}),
        ({"email": 1}, {"/email": "invalid"}),
        ({"username": "BOB"}, {"/username": "taken"}),
        ({"email": "Bob@example.com", "password": PASSWORD}, {"/email": "taken"}),
        (
            {"email": "bob@example.com", "username": "bob", "password": PASSWORD},
            {"/email": "taken", "/username": "taken"},
        ),
        # One's own are free.
        (
            {"email": "ADA@example.com", "username": "bob", "password": PASSWORD},
            {"/username": "taken"},
        ),
        ({"email": ""}, {"/email": "blank"}),
    ],
)
def test_changes_that_are_refused(api, ada, new_user, errors, body, expected):
    new_user("bob")
    assert errors(api.patch(ME, body)) == expected
    assert User.objects.get(pk=ada.pk).version == 1


@pytest.mark.django_db(transaction=True)
def test_one_of_many_at_once_gets_the_name(signed_in, new_user, errors):
    clients = [signed_in(new_user(f"u{n}")) for n in range(4)]
    responses = at_once(lambda n: clients[n].patch(ME, {"username": "Taken"}), 4)
    assert sorted(response.status_code for response in responses) == [200, 409, 409, 409]


def test_a_change_leaves_alone_what_it_does_not_name(api, ada):
    """What is set between reading the user and writing it must not be undone."""
    from accounts.serializers import OwnUserSerializer

    stale = User.objects.get(pk=ada.pk)
    User.objects.update(email="set@example.com")
    serializer = OwnUserSerializer(stale, partial=True)
    assert serializer.update(stale, {"username": "countess"}).email == "set@example.com"


@pytest.mark.parametrize("verified", [False, True])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", ME, {"email": "thief@example.com", "password": PASSWORD}),
        ("delete", ME, {"password": PASSWORD}),
        ("post", PASSWORD_CHANGE, {"current_password": PASSWORD, "new_password": "thief's own 1"}),
    ],
)
def test_a_password_that_is_changed_while_it_is_asked(
    api, ada, monkeypatch, settings, method, path, body, verified
):
    """Whoever knows the former one may do nothing with it from then on."""
    settings.EMAIL_VERIFICATION = verified
    check = User.check_password

    def check_and_change(user, password):
        found = check(user, password)
        User.objects.get(pk=user.pk).change_password("battery staple 7")
        return found

    monkeypatch.setattr(User, "check_password", check_and_change)
    assert getattr(api, method)(path, body).status_code == 401
    user = User.objects.get()
    assert (user.email, check(user, "battery staple 7")) == ("ada@example.com", True)
    assert not PendingAddress.objects.exists()


@pytest.mark.parametrize(("method", "path"), [("post", "/api/v1/users/"), ("patch", ME)])
def test_no_body_is_no_empty_object(api, method, path):
    response = getattr(api, method)(path, b"", content_type="application/json")
    assert (response.status_code, response.json()["detail"]) == (400, "The body is empty.")


def test_put_is_not_there(api):
    response = api.put(ME, {})
    assert response.status_code == 405
    assert "PATCH" in response["Allow"]


def test_deleting_yourself(api, tokens, ada, new_user):
    new_user("bob")
    tokens(ada)
    response = api.delete(ME, {"password": PASSWORD})
    assert (response.status_code, response.content) == (204, b"")
    assert [user.username for user in User.objects.all()] == ["bob"]
    assert not Session.objects.exists()
    assert api.get(ME).status_code == 401


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/password": "required"}),
        ({"password": "wrong"}, {"/password": "wrong_password"}),
        ({"password": "x" * 1025}, {"/password": "max_length"}),
        ({"password": PASSWORD, "sure": True}, {"/sure": "unknown"}),
    ],
)
def test_deleting_takes_the_password(api, errors, body, expected):
    assert errors(api.delete(ME, body)) == expected
    assert User.objects.count() == 1


def test_a_new_password_signs_out_everywhere_else(anonymous, tokens, ada):
    here, elsewhere = tokens(ada), tokens(ada)
    body = {"current_password": PASSWORD, "new_password": "battery staple 7"}
    response = json_client(here["access"]).post(f"{ME}password/", body)
    assert (response.status_code, response.content) == (204, b"")

    def renew(token):
        return anonymous.post("/api/v1/auth/token/refresh/", {"refresh": token})

    for access in (here["access"], elsewhere["access"]):
        assert json_client(access).get(ME).status_code == 401
    assert renew(elsewhere["refresh"]).status_code == 401
    renewed = renew(here["refresh"]).json()
    assert json_client(renewed["access"]).get(ME).status_code == 200
    ada.refresh_from_db()
    assert ada.check_password("battery staple 7")
    # One event for it all.
    assert ada.version == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/current_password": "required", "/new_password": "required"}),
        (
            {"current_password": "wrong", "new_password": "battery staple 7"},
            {"/current_password": "wrong_password"},
        ),
        ({"current_password": PASSWORD, "new_password": "short"}, {"/new_password": "password"}),
        (
            {"current_password": PASSWORD, "new_password": "ada@example.com"},
            {"/new_password": "password"},
        ),
        (
            {"current_password": PASSWORD, "new_password": "x" * 1025},
            {"/new_password": "max_length"},
        ),
    ],
)
def test_a_new_password_that_is_refused(api, ada, errors, body, expected):
    assert errors(api.post(f"{ME}password/", body)) == expected
    assert api.get(ME).status_code == 200


def test_signing_out_everywhere_twice_in_one_transaction(ada):
    """now() stands still in a transaction, and may go back with the clock: the value must not."""
    seen = [ada.tokens_valid_after]
    User.objects.filter(pk=ada.pk).update(tokens_valid_after=timezone.now() + timedelta(days=1))
    for _ in range(2):
        User.objects.filter(pk=ada.pk).sign_out()
        ada.refresh_from_db()
        seen.append(ada.tokens_valid_after)
    assert seen == sorted(set(seen))
