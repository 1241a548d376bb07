"""What stands in the database itself, for whoever writes past Django."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import IntegrityError, connection

from accounts import sessions
from accounts.models import RefreshToken, Session, User

pytestmark = pytest.mark.django_db


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else None


def test_every_model_change_has_its_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_seeds_insert():
    sql(
        "INSERT INTO users (email, username, password)"
        " VALUES ('ada@example.com', 'ada', '$2b$10$hash')"
    )
    user = User.objects.get()
    assert (user.version, user.is_active, user.is_staff, user.is_superuser) == (
        1,
        True,
        False,
        False,
    )
    assert user.created_at == user.updated_at == user.tokens_valid_after


@pytest.mark.parametrize(
    "delete", [lambda user: sql("DELETE FROM users WHERE id = %s", user.pk), User.delete]
)
def test_deleting_a_user_takes_along_all_that_refers_to_it(new_user, delete):
    user, other = new_user("ada"), new_user("bob")
    for each in (user, other):
        each.groups.add(Group.objects.get_or_create(name="editors")[0])
        each.user_permissions.add(Permission.objects.first())
        LogEntry.objects.create(user=each, action_flag=1, object_repr="")
        sessions.issue_refresh_token(sessions.start(each, ""))
    delete(user)
    # Deferred constraints would speak up only now.
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    for model in (User, Session, RefreshToken, LogEntry, User.groups.through):
        assert model.objects.count() == 1, model
    assert Group.objects.count() == 1


def test_every_reference_to_users_and_sessions_cascades():
    found = sql(
        "SELECT conrelid::regclass::text, confdeltype, condeferrable FROM pg_constraint"
        " WHERE contype = 'f' AND confrelid IN ('users'::regclass, 'sessions'::regclass) ORDER BY 1"
    )
    assert found == [
        (table, "c", False)
        for table in (
            "django_admin_log",
            "pending_addresses",
            "refresh_tokens",
            "sessions",
            "users_groups",
            "users_user_permissions",
        )
    ]


@pytest.mark.parametrize("column", ["email", "username"])
def test_names_are_unique_in_any_letter_case(ada, column):
    values = {"email": "x@example.com", "username": "x", column: getattr(ada, column).upper()}
    with pytest.raises(IntegrityError, match=f"users_{column}_any_case"):
        User.objects.bulk_create([User(**values, password="!")])
