"""An account's life through the gateway, as JSON."""

import re

import pytest

from tests.system.browser import Browser
from tests.system.client import Client, User
from tests.system.problems import assert_problem

ME = "/api/v1/users/me/"
REFRESH = "/api/v1/auth/token/refresh/"
SESSIONS = "/api/v1/auth/sessions/"


@pytest.fixture
def tokens(api):
    """What a new user's sign-in gives."""
    return api.post("/api/v1/auth/token/", json=api.register().credentials).json()


def refresh(api, token):
    return api.post(REFRESH, json={"refresh": token})


def test_registers_signs_in_and_reads_oneself(api):
    user = User()
    with Client(api.url, user) as client:
        registered = client.post("/api/v1/users/", json=user.registration)
        assert registered.status_code == 201
        assert set(registered.json()) == {"id", "username", "email", "created_at", "updated_at"}
        assert registered.headers["Location"].endswith(f"/api/v1/users/{registered.json()['id']}/")
    me = api.sign_in(user).get(ME)
    assert me.status_code == 200
    assert me.json() == registered.json()


def test_signs_in_by_address_too(api):
    user = api.register()
    credentials = {"email": user.email.upper(), "password": user.password}
    answer = api.post("/api/v1/auth/token/", json=credentials)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}


def test_a_wrong_password_and_an_unknown_name_look_alike(api):
    user = api.register()
    wrong = {"username": user.username, "password": "not it"}
    unknown = {"username": "nobody-at-all", "password": "not it"}
    answers = [
        assert_problem(api.post("/api/v1/auth/token/", json=credentials), 401)
        for credentials in (wrong, unknown)
    ]
    for body in answers:
        del body["request_id"]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("field", ["is_staff", "is_superuser", "version", "id"])
def test_registration_refuses_privileged_fields(api, field):
    answer = api.post("/api/v1/users/", json=User().registration | {field: True})
    assert [error["pointer"] for error in assert_problem(answer, 400)["errors"]] == [f"/{field}"]


def test_a_name_that_is_taken_in_another_case_is_refused(api):
    taken = api.register()
    with Client(api.url, taken) as client:
        answer = client.post(
            "/api/v1/users/", json=User(username=taken.username.upper()).registration
        )
    body = assert_problem(answer, 409)
    assert {error["code"] for error in body["errors"]} == {"taken"}


def test_others_do_not_exist(api):
    other = api.register()
    client = api.sign_in()
    assert_problem(client.get(f"/api/v1/users/{other.id}/"), 404)
    listed = client.get("/api/v1/users/").json()["results"]
    assert [user["id"] for user in listed] == [client.user.id]


def test_refresh_rotates(api, tokens):
    renewed = refresh(api, tokens["refresh"])
    assert renewed.status_code == 200
    assert renewed.json()["refresh"] != tokens["refresh"]
    bearer = {"Authorization": f"Bearer {renewed.json()['access']}"}
    assert api.get("/api/v1/notes/", headers=bearer).status_code == 200


def test_a_replayed_refresh_token_ends_its_family(api, tokens, users_sql):
    renewed = refresh(api, tokens["refresh"]).json()
    # Past the grace for a lost answer.
    users_sql(
        "UPDATE refresh_tokens SET used_at = used_at - interval '1 minute' WHERE token_hash ="
        " sha256(%s)",
        [tokens["refresh"].encode()],
    )
    assert_problem(refresh(api, tokens["refresh"]), 401)
    assert_problem(refresh(api, renewed["refresh"]), 401)


def test_logout_ends_the_session_and_can_be_repeated(api, tokens):
    for _ in range(2):
        answer = api.post("/api/v1/auth/logout/", json={"refresh": tokens["refresh"]})
        assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(refresh(api, tokens["refresh"]), 401)


def test_a_new_name_and_password_hold(api, notes_sql, wait_until):
    client = api.sign_in()
    user = client.user
    name, password = User().username, User().password
    assert client.patch(ME, json={"username": name}).json()["username"] == name
    change = {"current_password": user.password, "new_password": password}
    assert client.post(f"{ME}password/", json=change).status_code == 204
    assert_problem(api.post("/api/v1/auth/token/", json=user.credentials), 401)
    user.username, user.password = name, password
    assert api.sign_in(user).get(ME).json()["username"] == name
    query = "SELECT username FROM users WHERE id = %s"
    wait_until(lambda: notes_sql(query, [user.id]) == [(name,)])


def test_a_deleted_account_takes_its_notes_along(api, notes_sql, wait_until):
    client = api.sign_in()
    note = client.post("/api/v1/notes/", json={"tags": ["last"]}).json()
    assert_problem(client.delete(ME, json={"password": "not it"}), 403)
    assert client.delete(ME, json={"password": client.user.password}).status_code == 204
    query = "SELECT 1 FROM users WHERE id = %s"
    wait_until(lambda: not notes_sql(query, [client.user.id]))
    assert notes_sql("SELECT 1 FROM notes WHERE id = %s", [note["id"]]) == []
    assert notes_sql("SELECT 1 FROM note_tags WHERE note_id = %s", [note["id"]]) == []
    assert_problem(client.get("/api/v1/notes/"), 401)
    assert_problem(api.post("/api/v1/auth/token/", json=client.user.credentials), 401)


def test_signing_out_everywhere_reaches_the_notes(api, wait_until):
    client = api.sign_in()
    other = api.sign_in(client.user)
    assert client.get("/api/v1/notes/").status_code == 200
    for _ in range(2):
        answer = other.post("/api/v1/auth/logout-all/")
        assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(client.get(ME), 401)
    # As soon as the event is there, not when the token is too old.
    wait_until(lambda: client.get("/api/v1/notes/").status_code == 401, 30)
    again = api.sign_in(client.user)
    assert again.get("/api/v1/notes/").status_code == 200


def test_an_ended_session_is_over(api):
    client = api.sign_in()
    other = api.sign_in(client.user)
    (there,) = [each for each in client.get(SESSIONS).json()["results"] if not each["current"]]
    assert client.delete(f"{SESSIONS}{there['id']}/").status_code == 204
    assert_problem(other.get(ME), 401)
    assert_problem(client.delete(f"{SESSIONS}{there['id']}/"), 404)


def test_a_forgotten_password(api, mails, wait_until):
    """By the page that the mail leads to, which the gateway has."""
    user = api.register()
    client = api.sign_in(user)
    with Browser(api.url, user) as browser:
        asked = browser.open("/login/").links["Forgotten password"]
        said = browser.submit(browser.open(asked).form_with("email"), email=user.email)
        assert "is on its way" in said.text
        wait_until(lambda: mails(user.email))
        (link,) = re.findall(r"^http\S+", mails(user.email)[0], re.MULTILINE)
        assert link.startswith(f"{api.url}/password-reset/confirm/?token=")
        form = browser.open(link).form_with("token", "new_password", "repeated")
        password = User().password
        browser.submit(form, new_password=password, repeated=password)
    assert_problem(client.get(ME), 401)
    assert_problem(api.post("/api/v1/auth/token/", json=user.credentials), 401)
    user.password = password
    assert api.sign_in(user).get(ME).status_code == 200


def test_an_export_is_of_oneself(api):
    api.register()
    client = api.sign_in()
    exported = client.get(f"{ME}export/").json()
    assert exported["user"]["email"] == client.user.email
    assert [session["id"] for session in exported["sessions"]] == [
        session["id"] for session in client.get(SESSIONS).json()["results"]
    ]


def test_the_public_keys_are_public_alone(api):
    keys = api.get("/.well-known/jwks.json").json()["keys"]
    assert len(keys) >= 2
    assert all("d" not in key for key in keys)
