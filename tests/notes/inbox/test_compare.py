"""Shadow users compared with what users_project says of its users, over HTTP."""

import json
import socket
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inbox import compare as comparison
from inbox import digest_client
from inbox.compare import compare
from inbox.digest_client import CannotCompare, DigestClient
from tests.notes.inbox.events import apply_batch, created, deleted, updated
from tests.notes.inbox.users_project import SECRET, UsersProject
from users.models import DeletedUser, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(settings):
    users_project = UsersProject()
    with users_project.serving() as url:
        settings.NOTES_JWKS_URL = f"{url}/.well-known/jwks.json"
        settings.COMPARISON_SECRET = SECRET
        yield users_project


@pytest.fixture
def client(there, settings):
    return DigestClient(settings.NOTES_JWKS_URL, SECRET)


@pytest.fixture
def people(there):
    """Five users, the same on both sides."""
    people = [uuid.uuid4() for _ in range(5)]
    apply_batch([created(person) for person in people])
    for person in people:
        there.has(person)
    return people


@pytest.fixture
def found(client):
    """What a comparison finds: the kind and both versions of each user."""

    def found(settle=0.0, while_waiting=lambda: None):
        def progress(line):
            if line.startswith("waiting"):
                while_waiting()

        result = compare(client, settle, progress)
        return {each.id: (each.kind, each.here, each.there) for each in result.differences}

    return found


def change(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_equal_sides_take_one_request(there, people, found):
    apply_batch([deleted(person, 2) for person in people[:2]])
    for person in people[:2]:
        del there.users[person]
    assert found() == {}
    assert len(there.requests) == 1


def test_two_empty_sides_are_equal(there, found):
    assert found() == {}


@pytest.mark.parametrize(
    "assignment",
    [
        "username = 'Ada'",
        "is_active = false",
        "created_at = created_at + interval '1 microsecond'",
        "tokens_valid_after = 'infinity'",
    ],
)
def test_one_silently_changed_row_is_named_at_once(people, found, assignment):
    change(f"UPDATE users SET {assignment} WHERE id = %s", people[3])
    assert found(settle=3600) == {people[3]: ("changed", 1, 1)}


def test_every_kind_is_named_with_both_versions(there, people, found):
    changed, ahead, gone, missing, behind = people
    there.has(changed, username="changed there")
    apply_batch([updated(ahead, 3), deleted(gone, 2)])
    User.objects.filter(id=missing).delete()
    there.has(behind, 4)
    ghost = User.objects.create(username="ghost", version=7).id
    assert found() == {
        changed: ("changed", 1, 1),
        ahead: ("ahead", 3, 1),
        gone: ("deleted", 2, 1),
        missing: ("missing", None, 1),
        behind: ("behind", 1, 4),
        ghost: ("ghost", 7, None),
    }


def test_two_users_who_swapped_their_facts_are_named(there, people, found):
    """Counts and versions are the same on both sides."""
    ada, bob = uuid.UUID(int=17), uuid.UUID(int=18)  # of one bucket
    apply_batch([created(ada, username="ada"), created(bob, username="bob")])
    there.has(ada, username="bob")
    there.has(bob, username="ada")
    assert set(found()) == {ada, bob}


def test_what_is_on_its_way_is_no_difference(there, people, found):
    new, renamed, removed = uuid.uuid4(), people[0], people[1]
    there.has(new)
    there.has(renamed, 2, username="lovelace")
    del there.users[removed]
    waits = []

    def arrive():
        waits.append(1)
        if len(waits) == 2:
            apply_batch([created(new), updated(renamed, 2, username="lovelace")])
        elif len(waits) == 3:
            apply_batch([deleted(removed, 2)])

    assert found(settle=60, while_waiting=arrive) == {}
    assert len(waits) == 3


def test_what_has_happened_since_is_no_difference(there, people, found):
    new, busy = uuid.uuid4(), people[0]
    there.has(new)
    there.has(busy, 2)

    def arrive():
        apply_batch([updated(busy, 5, username="newest"), created(new), deleted(new, 2)])

    assert found(settle=60, while_waiting=arrive) == {}


def test_a_change_between_the_two_reads_is_no_difference(there, people, found):
    there.after_buckets = lambda: there.has(people[0], 2)
    change("UPDATE users SET username = 'changed' WHERE id = %s", people[1])
    assert found(settle=60, while_waiting=lambda: apply_batch([updated(people[0], 2)])) == {
        people[1]: ("changed", 1, 1)
    }


def test_what_arrives_with_other_facts_is_changed(there, people, found):
    there.has(people[0], 2, username="right")

    def arrive():
        apply_batch([updated(people[0], 2, username="wrong")])

    assert found(settle=0.5, while_waiting=arrive) == {people[0]: ("changed", 2, 2)}


def test_a_user_whom_a_token_brought_is_equal(there, found, api, ada):
    """The token carries the facts of the version, so the event has nothing to add."""
    assert api.post("/api/v1/notes/", {"title": "At once"}).status_code == 201
    facts = {"created_at": ada.created_at, "tokens_valid_after": ada.tokens_valid_after}
    there.has(ada.id, **facts)
    assert User.objects.count() == 1
    assert found() == {}


def test_of_very_many_differences_the_rest_is_counted(there, client, monkeypatch):
    monkeypatch.setattr(comparison, "LIMIT", 3)
    monkeypatch.setattr(comparison, "MOST_BUCKETS", 2)
    for bucket in range(10):
        there.has(uuid.UUID(int=bucket << 112))
    result = compare(client, 0)
    assert (len(result.differences), result.buckets_left) == (4, 6)
    assert all(len(path) < 100 for path in there.requests)


def test_more_than_the_limit_may_be_on_its_way(there, client, monkeypatch):
    monkeypatch.setattr(comparison, "LIMIT", 3)
    monkeypatch.setattr(comparison, "MOST_BUCKETS", 2)
    users = [uuid.UUID(int=bucket << 112) for bucket in range(10)]
    for user in users:
        there.has(user)

    def progress(line):
        if line.startswith("waiting"):
            apply_batch([created(user) for user in users])

    result = compare(client, 60, progress)
    assert (result.differences, result.buckets_left) == ([], 0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, b""), "answers 401. COMPARISON_SECRET is not the same on both sides."),
        ((404, b""), "answers 404. Set COMPARISON_SECRET for users_project too."),
        ((503, b""), "answers 503. users_db does not answer, or takes"),
        ((500, b""), "answers 500. See the log of users_project."),
        ((200, b"<html>"), "are no digests"),
        ((200, b"[[1, 2]]"), "are no digests"),
        ((200, b'{"a": 1}'), "are no digests"),
    ],
)
def test_what_cannot_be_compared_says_why(there, people, answer, reason):
    there.answer = answer
    with pytest.raises(CommandError) as raised:
        call_command("compare_users")
    assert raised.value.returncode == 2
    assert reason in str(raised.value)
    assert SECRET not in str(raised.value)


def test_users_project_is_away(client, settings):
    away = DigestClient("http://127.0.0.1:1/.well-known/jwks.json", SECRET)
    with pytest.raises(CannotCompare, match=r"does not answer at http://127.0.0.1:1/internal/"):
        compare(away, 0)


def test_users_project_hangs(monkeypatch):
    monkeypatch.setattr(digest_client, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = DigestClient(f"http://127.0.0.1:{silent.getsockname()[1]}/", SECRET)
        with pytest.raises(CannotCompare, match="timed out"):
            compare(client, 0)


@pytest.mark.django_db(transaction=True)
def test_notes_db_is_away(client, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    with pytest.raises(CannotCompare, match="notes_db does not answer"):
        compare(client, 0)
    connection.close()
    monkeypatch.undo()


def test_without_a_secret_nothing_is_asked(there, settings):
    settings.COMPARISON_SECRET = ""
    with pytest.raises(CommandError, match="COMPARISON_SECRET is not set") as raised:
        call_command("compare_users")
    assert raised.value.returncode == 2
    assert there.requests == []


def run(*arguments):
    out = StringIO()
    code = 0
    try:
        call_command("compare_users", *arguments, stdout=out)
    except CommandError as error:
        code = error.returncode
    return code, out.getvalue()


def test_the_command_says_that_all_are_equal(people):
    assert run() == (0, "5 users here\n")
    code, text = run("--json")
    assert (code, json.loads(text)) == (
        0,
        {"equal": True, "users": 5, "differences": [], "buckets_left": 0},
    )


def test_the_command_names_who_differs_and_what_to_run(there, people):
    there.has(people[0], username="changed there")
    there.has(missing := uuid.uuid4())
    ghost = User.objects.create(username="by hand").id
    code, text = run("--settle", "0")
    assert code == 1
    assert f"changed  {people[0]}  version 1 here, 1 in users_db\n" in text
    assert f"missing  {missing}  version none here, 1 in users_db\n" in text
    assert f"ghost    {ghost}  version 0 here, none in users_db\n" in text
    assert "\nchanged: `republish_users ID` of users_project" in text
    code, text = run("--settle", "0", "--json")
    document = json.loads(text)
    assert (code, document["equal"]) == (1, False)
    assert {"kind": "missing", "id": str(missing), "here": None, "there": 1} in (
        document["differences"]
    )


def test_a_tombstone_alone_is_nothing(people, found):
    DeletedUser.objects.create(id=uuid.uuid4(), version=3)
    assert found() == {}
