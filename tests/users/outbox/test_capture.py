"""Every way to change a user leaves its event in the outbox, in the writer's transaction."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from outbox.messages import LAST_VERSION
from outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db


def events():
    return [
        (row.type, row.payload["data"]["version"], row.payload["data"].get("username"))
        for row in OutboxEvent.objects.pending()
    ]


def new_user(name="ada"):
    return User(username=name, email=f"{name}@example.com", password="!")


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_save_update_and_delete():
    user = new_user()
    user.save()
    user.username = "ada.lovelace"
    user.save()
    user.delete()
    assert events() == [
        ("user.created.v1", 1, "ada"),
        ("user.updated.v1", 2, "ada.lovelace"),
        ("user.deleted.v1", 3, None),
    ]


def test_bulk_create_and_queryset_update():
    User.objects.bulk_create([new_user("ada"), new_user("bob")])
    User.objects.order_by("username").update(is_active=False)
    assert sorted(events()) == [
        ("user.created.v1", 1, "ada"),
        ("user.created.v1", 1, "bob"),
        ("user.updated.v1", 2, "ada"),
        ("user.updated.v1", 2, "bob"),
    ]


def test_the_seeds_insert_by_hand():
    sql("INSERT INTO users (email, username, password) VALUES ('a@example.com', 'ada', '$2b$')")
    assert events() == [("user.created.v1", 1, "ada")]
    user = User.objects.get()
    assert user.is_active
    assert not user.is_staff
    assert abs(user.created_at - timezone.now()) < timedelta(minutes=1)


def test_upsert_by_hand():
    statement = (
        "INSERT INTO users (email, username, password) VALUES ('a@example.com', 'ada', '!')"
        " ON CONFLICT (username) DO UPDATE SET email = 'b@example.com'"
    )
    sql(statement)
    sql(statement)
    assert events() == [("user.created.v1", 1, "ada"), ("user.updated.v1", 2, "ada")]


def test_truncate_deletes_everybody():
    User.objects.bulk_create([new_user("ada"), new_user("bob")])
    OutboxEvent.objects.all().delete()
    sql("TRUNCATE users CASCADE")
    assert events() == [("user.deleted.v1", 2, None)] * 2


def test_a_rolled_back_change_leaves_nothing():
    with transaction.atomic():
        new_user().save()
        transaction.set_rollback(True)
    assert events() == []


def test_a_sign_in_is_no_change():
    user = new_user()
    user.save()
    User.objects.update(last_login=timezone.now())
    user.refresh_from_db()
    assert user.version == 1
    assert len(events()) == 1


def test_an_update_that_changes_nothing_leaves_nothing():
    new_user().save()
    User.objects.update(username="ada")
    assert len(events()) == 1


def test_the_version_never_goes_down_and_can_be_raised_by_hand():
    user = new_user()
    user.save()
    stale = User.objects.get()
    User.objects.update(username="bob")
    stale.email = "c@example.com"
    stale.save()
    assert User.objects.get().version == 3
    User.objects.update(version=100)
    assert User.objects.get().version == 100
    assert [version for _, version, _ in events()] == [1, 2, 3, 100]


def test_the_last_version_stays_and_every_change_is_a_snapshot():
    user = new_user()
    user.save()
    User.objects.update(version=LAST_VERSION - 1)
    OutboxEvent.objects.all().delete()
    for name in ("bob", "cyd", "dan"):
        User.objects.update(username=name)
    for version in (LAST_VERSION + 1, 2**63 - 1):
        User.objects.update(version=version)
    assert User.objects.get().version == LAST_VERSION
    user.delete()
    assert events() == [
        *(("user.snapshot.v1", LAST_VERSION, name) for name in ("bob", "cyd", "dan", "dan", "dan")),
        ("user.deleted.v1", LAST_VERSION, None),
    ]


def test_everybody_of_the_last_version_is_deleted():
    new_user().save()
    User.objects.update(version=LAST_VERSION)
    OutboxEvent.objects.all().delete()
    sql("TRUNCATE users CASCADE")
    assert events() == [("user.deleted.v1", LAST_VERSION, None)]


def test_the_id_cannot_be_changed():
    new_user().save()
    with pytest.raises(IntegrityError, match=r"users\.id cannot be changed"):
        User.objects.update(id=uuid.uuid4())


def test_updated_at_follows_the_change():
    user = new_user()
    user.save()
    sql("UPDATE users SET updated_at = '2000-01-01'")
    user.refresh_from_db()
    assert user.updated_at == user.created_at


def test_no_secret_enters_the_outbox():
    user = new_user()
    user.set_password("correct horse battery staple")
    user.save()
    User.objects.update(email="new@example.com", password="hash-of-a-secret")
    user.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT outbox::text FROM outbox")
        rows = " ".join(row for (row,) in cursor.fetchall())
    for secret in ("ada@example.com", "new@example.com", "hash-of-a-secret", user.password):
        assert secret not in rows


def test_the_columns_are_those_of_debeziums_event_router():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = 'outbox' ORDER BY 1"
        )
        columns = dict(cursor.fetchall())
    assert columns == {
        "position": "bigint",
        "id": "uuid",
        "aggregatetype": "character varying",
        "aggregateid": "character varying",
        "type": "character varying",
        "payload": "jsonb",
        "traceparent": "character varying",
        "created_at": "timestamp with time zone",
    }


def test_a_traced_request_leaves_its_context(client):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = {"email": "a@example.com", "username": "ada", "password": "correct horse battery"}

    def register(header):
        answer = client.post(
            "/api/v1/users/", body, content_type="application/json", headers={"traceparent": header}
        )
        assert answer.status_code == 201
        event = OutboxEvent.objects.pending().last()
        User.objects.all().delete()
        return event

    traced = register(traceparent)
    assert traced.traceparent == traced.payload["traceparent"] == traceparent
    untraced = register("not a traceparent")
    assert untraced.traceparent is None
    assert "traceparent" not in untraced.payload
