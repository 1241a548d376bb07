"""Who may do what: everybody, with every operation of both OpenAPI documents.

The documents say what the services have (`test_the_openapi_document_is_current` of each project).
An operation that is not in ACCESS is a failure, and one with a body that is not in `people.SENT`.
"""

import pytest

from tests.security.people import SENT, body_of
from tests.system.openapi import OPERATIONS
from tests.system.test_isolation import METHODS, Owner, filled

ANONYMOUS, OWNER, OTHER = "anonymous", "owner", "another user"
STAFF, DEACTIVATED, DELETED = "staff", "deactivated", "deleted"
# The owner comes last: what is asked for is there until then.
PEOPLE = [ANONYMOUS, DEACTIVATED, DELETED, OTHER, STAFF, OWNER]
DONE = "done"

# The classes of operations, with what each of the people is answered; DONE is the document's
# success.
FOR_ALL = dict.fromkeys(PEOPLE, DONE)
# Whoever sends what holds no more is refused: a token, or a password.
FOR_ACCOUNTS = FOR_ALL | dict.fromkeys([DEACTIVATED, DELETED], 401)
# With what is their own.
OWN = FOR_ACCOUNTS | {ANONYMOUS: 401}
# With one thing, which the owner has. The deactivated and the deleted ask for one that they had.
OF_ONE = OWN | dict.fromkeys([OTHER, STAFF], 404)
BY_LINK = dict.fromkeys(PEOPLE, 403)  # that nobody has

ACCESS = {
    **dict.fromkeys(["get_keys", "reset_password", "verify_address", "sign_out"], FOR_ALL),
    **dict.fromkeys(["register", "sign_in", "refresh_tokens"], FOR_ACCOUNTS),
    **dict.fromkeys(["confirm_password_reset", "confirm_address"], BY_LINK),
    # It can be repeated when nothing is left to end.
    "sign_out_everywhere": FOR_ALL | {ANONYMOUS: 401},
    "get_user": OF_ONE | {STAFF: DONE},
    **dict.fromkeys(["list_users", "get_me", "change_me", "delete_me", "export_me"], OWN),
    **dict.fromkeys(["change_password", "list_sessions"], OWN),
    **dict.fromkeys(["get_session", "end_session"], OF_ONE),
    **dict.fromkeys(["list_notes", "create_note", "write_notes"], OWN),
    **dict.fromkeys(["export_notes", "import_notes"], OWN),
    **dict.fromkeys(["list_tags", "list_trash", "empty_trash"], OWN),
    **dict.fromkeys(["get_note", "replace_note", "change_note", "delete_note"], OF_ONE),
    **dict.fromkeys(["archive_note", "unarchive_note"], OF_ONE),
    **dict.fromkeys(["list_versions", "get_version", "restore_version"], OF_ONE),
    **dict.fromkeys(["get_tag", "rename_tag", "detach_tag"], OF_ONE),
    **dict.fromkeys(["get_trashed_note", "delete_trashed_note", "restore_trashed_note"], OF_ONE),
}
BY_PATH = {}
for _operation in OPERATIONS:
    BY_PATH.setdefault(_operation.path, {})[_operation.method] = _operation


@pytest.fixture(scope="module")
def signed_out(new):
    def signed_out():
        client = new()
        del client.headers["Authorization"]
        return client

    return signed_out


@pytest.fixture(scope="module")
def gone(new, users_sql, notes_sql, wait_until):
    """Owners who are none any more."""
    owners = {kind: Owner(new()) for kind in (DEACTIVATED, DELETED)}
    users_sql("UPDATE users SET is_active = false WHERE id = %s", [owners[DEACTIVATED].user])
    users_sql("DELETE FROM users WHERE id = %s", [owners[DELETED].user])
    active = "SELECT 1 FROM users WHERE is_active AND id = ANY(%s::uuid[])"
    wait_until(lambda: not notes_sql(active, [[owner.user for owner in owners.values()]]))
    return owners


@pytest.fixture(scope="module")
def known(new, signed_out, gone):
    """One of each, for what changes nothing."""
    owners = {OWNER: Owner(new()), **gone}
    clients = {kind: owner.client for kind, owner in owners.items()}
    return clients | {ANONYMOUS: signed_out(), OTHER: new(), STAFF: new(staff=True)}, owners


def statuses(clients, owners, method, path, operation=None):
    """What each of the people is answered.

    Args:
        owners: have what they ask for themselves; the others ask for what the owner has.
        operation: whose body is sent, if any.
    """
    given = {}
    for kind in PEOPLE:
        values, _ = owners.get(kind, owners[OWNER]).in_path(path)
        body = body_of(operation, clients[kind]) if operation else {}
        given[kind] = clients[kind].request(method, filled(path, values), **body).status_code
    return given


def expected(operation):
    documented = operation.definition["responses"]
    success = min(int(status) for status in documented if status.startswith("2"))
    return {
        kind: success if answer is DONE else answer
        for kind, answer in ACCESS[str(operation)].items()
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_who_may(known, new, signed_out, gone, operation):
    name = str(operation)
    assert name in ACCESS, "say in ACCESS who may"
    assert (name in SENT) == ("requestBody" in operation.definition), (
        "say in people.SENT what is sent"
    )
    clients, owners = known
    if ACCESS[name] is OF_ONE:
        owners = {**gone, OWNER: Owner(new())}
        clients = {**clients, OWNER: owners[OWNER].client}
    else:
        # What is ended or renamed is nobody else's.
        fresh = {OTHER: new(), STAFF: new(staff=True), ANONYMOUS: signed_out()}
        owners = {**gone, OWNER: Owner(new()) if "{" in operation.path else owners[OWNER]}
        owner = owners[OWNER].client if "{" in operation.path else new()
        clients = {**clients, **fresh, OWNER: owner}
    given = statuses(clients, owners, operation.method, operation.path, operation)
    assert given == expected(operation)


def test_no_token_is_needed_where_the_document_says_so():
    open_to_all = {name for name, access in ACCESS.items() if access[ANONYMOUS] != 401}
    assert open_to_all == {str(each) for each in OPERATIONS if not needs_token(each)}


def needs_token(operation):
    return any(operation.definition.get("security", []))


def expected_beyond(path, method):
    """Of a method that the document does not have."""
    operations = BY_PATH[path]
    if method == "HEAD" and "GET" in operations:
        return expected(operations["GET"])
    of_others = dict.fromkeys(PEOPLE, 200 if method == "OPTIONS" else 405)
    # Who is let in comes first, unless a path is open to all.
    with_token = [ACCESS[str(each)] for each in operations.values()]
    if any(map(needs_token, operations.values())):
        refused = {kind for kind in PEOPLE if any(access[kind] == 401 for access in with_token)}
        of_others |= dict.fromkeys(refused, 401)
    return of_others


@pytest.mark.parametrize("path", BY_PATH)
def test_methods_that_no_document_has(known, path):
    beyond = [method for method in METHODS if method not in BY_PATH[path]]
    given = {method: statuses(*known, method, path) for method in beyond}
    assert given == {method: expected_beyond(path, method) for method in beyond}
