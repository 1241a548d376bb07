"""All that is kept about somebody."""

import json

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts import addresses, export
from accounts.models import User
from attempts.models import Attempts

EXPORT = "/api/v1/users/me/export/"


def test_everything_of_ones_own(signed_in, tokens, anonymous, staff, new_user):
    tokens(new_user("bob"))
    refresh = tokens(staff)["refresh"]
    anonymous.post("/api/v1/auth/token/refresh/", {"refresh": refresh})
    client = signed_in(staff)
    staff.groups.add(Group.objects.create(name="helpers"))
    staff.user_permissions.add(Permission.objects.get(codename="change_user"))
    addresses.propose(staff, "next@example.com")
    LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(User),
        object_id="1",
        object_repr="somebody",
        action_flag=CHANGE,
        change_message='[{"changed": {"fields": ["Active"]}}]',
    )
    response = client.get(EXPORT)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    body = json.loads(response.getvalue())
    assert list(body) == ["user", "unconfirmed_addresses", "sessions", "admin_actions", "audit_log"]
    assert body["user"]["email"] == "grace@example.com"
    assert body["user"]["groups"] == ["helpers"]
    assert "change" in body["user"]["rights"][0].lower()
    assert [each["email"] for each in body["unconfirmed_addresses"]] == ["next@example.com"]
    assert sorted(len(session["renewed_at"]) for session in body["sessions"]) == [0, 1]
    assert body["admin_actions"][0]["action"] == "Changed Active."
    assert "bob" not in str(body)
    assert staff.password not in str(body)


def test_every_column_about_a_user_is_in_it_or_named_here(api, ada):
    """A table or column that refers to users must not be forgotten."""
    secret = {"password", "token_hash"}
    # Of the row itself, or of what it refers to.
    other = {
        "django_admin_log": {"id", "user_id", "content_type_id", "object_id", "action_flag"},
        "users_groups": {"id", "user_id", "group_id"},
        "users_user_permissions": {"id", "user_id", "permission_id"},
        "pending_addresses": {"id", "user_id"},
        "sessions": {"user_id"},
        "refresh_tokens": {"id", "session_id", "created_at"},
        "audit_log": {"id"},
    }
    renamed = {"object_repr": "object", "change_message": "action", "used_at": "renewed_at"}
    renamed["actor_id"] = "by"
    body = json.loads(api.get(EXPORT).getvalue())
    exported = {*body["user"], *body["audit_log"][0]}
    exported |= {"email", "created_at", "id", "last_used_at", "expires_at", "ended_at"}
    exported |= {"user_agent", "renewed_at", "action_time", "object", "action"}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute"
            " WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT 'users'::regclass UNION"
            " SELECT conrelid FROM pg_constraint"
            " WHERE confrelid IN ('users'::regclass, 'sessions'::regclass)"
            " UNION SELECT 'audit_log'::regclass)"
        )
        columns = cursor.fetchall()
    missing = {
        (table, column)
        for table, column in columns
        if renamed.get(column, column) not in exported | secret | other.get(table, set())
    }
    assert not missing


def test_lists_are_read_as_they_are_sent(api, ada, monkeypatch):
    monkeypatch.setattr(export, "ROWS", 10)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_log (event, user_id)"
            " SELECT 'signed_in', %s FROM generate_series(1, 98)",
            [ada.pk],
        )
    response = api.get(EXPORT)
    assert response["Content-Type"] == "application/json"
    pieces = list(response)
    log = json.loads(b"".join(pieces))["audit_log"]
    assert len(log) == 101  # registered, signed in, exported
    assert [each["at"] for each in log] == sorted(each["at"] for each in log)
    assert max(piece.count(b'"request_id"') for piece in pieces) == 10
    api.credentials(**{**api._credentials, "HTTP_ACCEPT": "text/html"})
    page = api.get(EXPORT)
    assert page.status_code == 200
    assert page.text.count("request_id") == 10


def test_an_account_is_exported_so_often(api, ada, signed_in, new_user):
    for _ in range(export.EXPORTS):
        assert api.get(EXPORT).status_code == 200
    refused = signed_in(ada).get(EXPORT)
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert refused["Content-Type"] == "application/problem+json"
    assert signed_in(new_user("bob")).get(EXPORT).status_code == 200
    Attempts.objects.update(ends_at="2026-01-01T00:00:00Z")
    assert api.get(EXPORT).status_code == 200
