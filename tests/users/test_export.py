"""All that is kept about somebody."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts import addresses
from accounts.models import User

EXPORT = "/api/v1/users/me/export/"


def test_everything_of_ones_own(signed_in, tokens, anonymous, staff, new_user):
    tokens(new_user("bob"))
    refresh = tokens(staff)["refresh"]
    anonymous.post("/api/v1/auth/token/refresh/", {"refresh": refresh})
    client = signed_in(staff)
    staff.groups.add(Group.objects.create(name="helpers"))
    staff.user_permissions.add(Permission.objects.get(codename="change_user"))
    addresses.ask(staff, "next@example.com")
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
    body = response.json()
    assert list(body) == ["user", "unconfirmed_addresses", "sessions", "admin_actions", "audit_log"]
    assert body["user"]["email"] == "grace@example.com"
    assert body["user"]["groups"] == ["helpers"]
    assert "change" in body["user"]["rights"][0].lower()
    assert [each["email"] for each in body["unconfirmed_addresses"]] == ["next@example.com"]
    assert sorted(len(session["renewed_at"]) for session in body["sessions"]) == [0, 1]
    assert body["admin_actions"][0]["action"] == "Changed Active."
    assert "bob" not in response.text
    assert staff.password not in response.text


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
    body = api.get(EXPORT).json()
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
