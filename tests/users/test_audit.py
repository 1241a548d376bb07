"""The audit log: who did what to which account."""

import io
import json

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from accounts import addresses, password_reset, sessions
from accounts.models import PendingAddress, User
from audit.models import Entry, Event
from tests.users.conftest import HTML, PASSWORD, json_client, settle
from tests.users.test_admin import LIST, form_of, page_of

ME, TOKEN = "/api/v1/users/me/", "/api/v1/auth/token/"
NEW = "battery staple 7"
REQUEST = "0123456789abcdef0123456789abcdef"


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@pytest.fixture
def written(db):
    """What is new since it was last asked: (event, account, by), all of requests with this id."""
    seen = Entry.objects.count()

    def written(request_id=REQUEST):
        nonlocal seen
        entries = Entry.objects.order_by("id")[seen:]
        seen += len(entries)
        assert request_id is None or {entry.request_id for entry in entries} <= {request_id}
        # The test is one transaction: what a request has said is not to hold for the next.
        sql("SELECT set_config('audit.actor', '', true), set_config('audit.request', '', true)")
        return [(entry.event, entry.user_id, entry.actor_id) for entry in entries]

    return written


def with_request_id(client):
    client.defaults["HTTP_X_REQUEST_ID"] = REQUEST
    return client


@pytest.fixture
def nobody():
    return with_request_id(json_client())


def client_of(user, nobody):
    body = {"username": user.username, "password": PASSWORD}
    tokens = nobody.post(TOKEN, body).json()
    return with_request_id(json_client(tokens["access"])), tokens["refresh"]


@pytest.fixture
def ada_and_log(ada, nobody, written):
    client, _ = client_of(ada, nobody)
    assert written() == [("signed_in", ada.pk, ada.pk)]
    return client


def test_registering(nobody, written):
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    assert nobody.post("/api/v1/users/", body).status_code == 201
    assert written() == [("registered", User.objects.get().pk, None)]
    assert nobody.post("/api/v1/users/", {**body, "email": "a@example.com"}).status_code == 409
    assert written() == []


def test_failing_to_sign_in(ada, nobody, written):
    for name, account in (("ADA", ada.pk), ("ada@example.com", ada.pk), ("bob", None)):
        assert nobody.post(TOKEN, {"username": name, "password": NEW}).status_code == 401
        assert written() == [("sign_in_failed", account, None)], name


def test_names_and_addresses(ada, ada_and_log, written):
    body = {"username": "countess", "email": "countess@example.com", "password": PASSWORD}
    assert ada_and_log.patch(ME, body).status_code == 200
    assert sorted(written()) == [
        ("email_changed", ada.pk, ada.pk),
        ("username_changed", ada.pk, ada.pk),
    ]
    assert ada_and_log.patch(ME, body).status_code == 200
    assert written() == []


def test_passwords(ada, ada_and_log, nobody, written):
    client_of(ada, nobody)
    written()
    body = {"current_password": "wrong", "new_password": NEW}
    assert ada_and_log.post(f"{ME}password/", body).status_code == 403
    assert written() == [("wrong_password", ada.pk, ada.pk)]
    body["current_password"] = PASSWORD
    assert ada_and_log.post(f"{ME}password/", body).status_code == 204
    assert sorted(written()) == [
        ("password_changed", ada.pk, ada.pk),
        ("session_ended", ada.pk, ada.pk),
    ]


def test_a_better_hash_is_no_new_password(ada, nobody, written, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    client_of(ada, nobody)
    assert User.objects.get().password != ada.password
    assert written() == [("signed_in", ada.pk, ada.pk)]


def test_sessions(ada, ada_and_log, nobody, written):
    _, refresh = client_of(ada, nobody)
    other = Entry.objects.latest("id").session_id
    written()
    assert nobody.post(f"{TOKEN}refresh/", {"refresh": refresh}).status_code == 200
    assert written() == []
    for _ in range(2):
        ada_and_log.delete(f"/api/v1/auth/sessions/{other}/")
        assert Entry.objects.latest("id").session_id == other
    assert written() == [("session_ended", ada.pk, ada.pk)]
    _, refresh = client_of(ada, nobody)
    written()
    assert nobody.post("/api/v1/auth/logout/", {"refresh": refresh}).status_code == 204
    assert written() == [("session_ended", ada.pk, None)]
    for _ in range(2):
        assert ada_and_log.post("/api/v1/auth/logout-all/").status_code == 204
    assert sorted(written()) == [
        ("session_ended", ada.pk, ada.pk),
        ("signed_out_everywhere", ada.pk, ada.pk),
    ]


def test_a_stolen_refresh_token(ada, nobody, written, monkeypatch):
    _, refresh = client_of(ada, nobody)
    monkeypatch.setattr(sessions, "GRACE", sessions.GRACE * 0)
    nobody.post(f"{TOKEN}refresh/", {"refresh": refresh})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE refresh_tokens SET used_at = used_at - interval '1 second'")
    written()
    assert nobody.post(f"{TOKEN}refresh/", {"refresh": refresh}).status_code == 401
    assert written() == [("token_replayed", ada.pk, None), ("session_ended", ada.pk, None)]


def test_exports(ada, ada_and_log, nobody, written):
    body = json.loads(ada_and_log.get(f"{ME}export/").getvalue())
    assert written() == [("exported", ada.pk, ada.pk)]
    log = body["audit_log"]
    assert [(each["event"], each["by"]) for each in log] == [
        ("registered", None),
        ("signed_in", "you"),
        ("exported", "you"),
    ]
    assert {each["user_id"] for each in log} == {str(ada.pk)}
    assert log[1]["request_id"] == REQUEST
    assert log[1]["session_id"] == body["sessions"][0]["id"]


def test_deletion_is_what_remains(ada, ada_and_log, written):
    assert ada_and_log.delete(ME, {"password": "wrong"}).status_code == 403
    assert ada_and_log.delete(ME, {"password": PASSWORD}).status_code == 204
    assert written() == [("wrong_password", ada.pk, ada.pk), ("deleted", ada.pk, ada.pk)]
    kept = Entry.objects.filter(user=ada.pk).values_list("event", flat=True)
    assert {"registered", "signed_in", "deleted"} <= set(kept)


@pytest.mark.django_db(transaction=True)
def test_mails_and_their_links(verification, nobody, written):
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    nobody.post("/api/v1/users/", body)
    settle()
    assert written() == [("confirmation_mailed", None, None)]
    token = addresses._signer.sign(str(PendingAddress.objects.get().pk))
    assert (
        nobody.post("/api/v1/auth/email-verification/confirm/", {"token": token}).status_code == 204
    )
    ada = User.objects.get()
    assert written() == [("registered", ada.pk, None), ("email_confirmed", ada.pk, None)]

    client, _ = client_of(ada, nobody)
    change = {"email": "next@example.com", "password": PASSWORD}
    assert client.patch(ME, change).status_code == 202
    settle()
    assert written()[1:] == [("confirmation_mailed", ada.pk, ada.pk)]
    token = addresses._signer.sign(str(PendingAddress.objects.get().pk))
    assert (
        nobody.post("/api/v1/auth/email-verification/confirm/", {"token": token}).status_code == 204
    )
    assert written() == [("email_changed", ada.pk, None)]

    mail.outbox.clear()
    password_reset.send_link("next@example.com")
    assert written("") == [("password_reset_mailed", ada.pk, None)]
    password_reset.send_link("nobody@example.com")
    assert written() == []
    body = {"token": password_reset.token_of(User.objects.get()), "new_password": NEW}
    assert nobody.post("/api/v1/auth/password-reset/confirm/", body).status_code == 204
    assert sorted(written()) == [
        ("password_changed", ada.pk, None),
        ("session_ended", ada.pk, None),
    ]


def test_the_pages(ada, written):
    browser = with_request_id(Client(headers=HTML))
    form = {"username": "ada", "password": PASSWORD}
    browser.post("/login/", {**form, "password": NEW})
    assert written() == [("sign_in_failed", ada.pk, None)]
    browser.post("/login/", form)
    browser.get("/login/")
    assert written() == [("signed_in", ada.pk, ada.pk)]
    browser.post("/logout/")
    assert written() == [("session_ended", ada.pk, ada.pk)]
    browser.post("/login/", form)
    written()
    browser.post("/logout/everywhere/")
    assert sorted(written()) == [
        ("session_ended", ada.pk, ada.pk),
        ("signed_out_everywhere", ada.pk, ada.pk),
    ]


@pytest.fixture
def admin(staff, written):
    browser = with_request_id(Client(headers=HTML))
    browser.post("/login/", {"username": staff.username, "password": PASSWORD})
    assert written() == [("signed_in", staff.pk, staff.pk)]
    return browser


def test_what_the_admin_does(admin, staff, ada, written):
    def by_staff(*events, account=ada):
        return sorted((event, account.pk, staff.pk) for event in events)

    def post(path, form):
        response = admin.post(path, form)
        assert response.status_code == 302, response.context and response.context["errors"]
        return sorted(written())

    written(None)
    new = {"username": "bob", "email": "bob@example.com", "usable_password": "true"}
    post_new = post(f"{LIST}add/", {**new, "password1": NEW, "password2": NEW})
    assert post_new == by_staff("registered", account=User.objects.get(username="bob"))
    changed = post(page_of(ada), form_of(ada, username="countess", email="countess@example.com"))
    assert changed == by_staff("username_changed", "email_changed")
    ada.refresh_from_db()
    editors = Group.objects.create(name="editors")
    rights = {
        "is_staff": "on",
        "is_superuser": "on",
        "groups": editors.pk,
        "user_permissions": Permission.objects.first().pk,
    }
    granted = by_staff("staff_granted", "superuser_granted", "rights_changed", "rights_changed")
    assert post(page_of(ada), form_of(ada, **rights)) == granted
    withdrawn = ("staff_withdrawn", "superuser_withdrawn", "rights_changed", "rights_changed")
    assert post(page_of(ada), form_of(ada)) == by_staff(*withdrawn)
    password = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert post(f"{LIST}{ada.pk}/password/", password) == by_staff("password_changed")
    selected = {"_selected_action": str(ada.pk)}
    for action, event in (("sign_out_everywhere",) * 2, ("deactivate", "deactivated")):
        event = "signed_out_everywhere" if action == event else event
        assert post(LIST, {"action": action, **selected}) == by_staff(event)
    assert post(page_of(ada), form_of(ada, is_active="on")) == by_staff("activated")
    deleted = post(LIST, {"action": "delete_selected", "post": "yes", **selected})
    assert ("deleted", ada.pk, staff.pk) in deleted


def test_rights_of_a_group(admin, staff, ada, new_user, written):
    """Are its members', and nobody else's."""
    new_user("bob")
    editors = Group.objects.create(name="editors")
    ada.groups.add(editors)
    written(None)
    path = f"/admin/users/auth/group/{editors.pk}/change/"
    for rights in ([Permission.objects.first().pk], []):
        assert admin.post(path, {"name": "editors", "permissions": rights}).status_code == 302
        assert written() == [("rights_changed", ada.pk, staff.pk)]


def test_an_address_confirmed_by_hand(admin, staff, written):
    addresses.register("ada@example.com", "ada", PASSWORD)
    written(None)
    waiting = PendingAddress.objects.get()
    action = {"action": "confirm", "_selected_action": waiting.pk}
    assert admin.post("/admin/users/accounts/pendingaddress/", action).status_code == 302
    ada = User.objects.get(username="ada")
    assert written() == [("registered", ada.pk, staff.pk), ("email_confirmed", ada.pk, staff.pk)]


def test_commands_and_sql(db, written):
    environment = {"username": "ada", "email": "ada@example.com", "interactive": False}
    call_command("createsuperuser", **environment, stdout=io.StringIO())
    ada = User.objects.get()
    sql("UPDATE users SET password = 'x', is_active = false")
    sql("DELETE FROM users")
    events = ["registered", "deactivated", "password_changed", "deleted"]
    assert written("") == [(event, ada.pk, None) for event in events]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor_id = NULL", "DELETE FROM audit_log", "TRUNCATE audit_log"],
)
def test_only_added_to(ada, statement):
    # The other tests switch this one off.
    sql("ALTER TABLE audit_log ENABLE TRIGGER audit_refuse_truncate")
    with pytest.raises(ProgrammingError, match="only added to"), transaction.atomic():
        sql(statement)
    assert Entry.objects.count() == 1


def test_what_is_old_goes(ada, settings, monkeypatch):
    sql(
        "INSERT INTO audit_log (event, at) SELECT 'signed_in', now() - make_interval(days => days)"
        " FROM unnest(ARRAY[29, 31, 364, 366, 367]) AS days"
    )

    def prune(*arguments):
        out = io.StringIO()
        call_command("prune_sessions", "--json", *arguments, stdout=out)
        return json.loads(out.getvalue())["audit_entries"]

    assert (prune("--dry-run"), prune(), prune()) == (2, 2, 0)
    settings.USERS_AUDIT_DAYS = 30
    assert (prune("--dry-run"), prune()) == (2, 2)
    with pytest.raises(ProgrammingError, match="30 days"), transaction.atomic():
        sql("SELECT prune_audit_log(0, 10)")
    assert Entry.objects.count() == 2


def test_no_column_holds_what_somebody_is_called(db):
    """What stays after a deletion is ids, times and names of events."""
    columns = sql(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'audit_log'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert columns == [
        ("id", "bigint"),
        ("at", "timestamp with time zone"),
        ("event", "character varying(32)"),
        ("session_id", "uuid"),
        ("request_id", "character varying(64)"),
        ("actor_id", "uuid"),
        ("user_id", "uuid"),
    ]


def test_the_triggers_write_events_that_there_are(db):
    arguments = sql("SELECT tgargs FROM pg_trigger WHERE tgname ^@ 'audit' AND tgnargs = 1")
    events = {bytes(argument).rstrip(b"\0").decode() for (argument,) in arguments}
    assert len(events) == len(arguments) == 14
    assert events <= set(Event.values)


LOG = "/admin/users/audit/entry/"


def test_the_list(admin, staff, ada, new_user, django_assert_max_num_queries):
    bob = new_user("bob")
    body = {"action": "deactivate", "_selected_action": [str(bob.pk)]}
    assert admin.post(LIST, body).status_code == 302
    User.objects.filter(pk=bob.pk).delete()

    def shown(**query):
        response = admin.get(LOG, query)
        assert response.status_code == 200
        return [(e.event, e.user_id) for e in response.context["cl"].result_list]

    assert shown()[0] == ("deleted", bob.pk)
    for name in ("ada", "ADA@example.com", str(ada.pk)):
        assert shown(q=name) == [("registered", ada.pk)], name
    # Who is deleted has an id alone; who did it is found too.
    events = [("deleted", bob.pk), ("deactivated", bob.pk), ("registered", bob.pk)]
    assert shown(q=str(bob.pk)) == events
    assert ("deactivated", bob.pk) in shown(q=staff.username)
    assert shown(q="nobody") == []
    assert shown(event__exact="deactivated") == [("deactivated", bob.pk)]
    assert len(shown(at__gte="2020-01-01 00:00:00+00:00")) == Entry.objects.count()
    for name in "abcdefgh":
        new_user(name)
    with django_assert_max_num_queries(6) as queries:
        shown()
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT 10000" in count for count in counts), counts


def test_the_list_can_only_be_read(admin, ada):
    entry = Entry.objects.latest("id")
    page = f"{LOG}{entry.pk}/change/"
    assert 'type="submit" value="Save"' not in admin.get(page).text
    assert "ada" in admin.get(page).text
    for path in (page, f"{LOG}add/", f"{LOG}{entry.pk}/delete/"):
        assert admin.post(path, {"event": "deleted", "post": "yes"}).status_code == 403, path
    body = {"action": "delete_selected", "_selected_action": str(entry.pk), "post": "yes"}
    admin.post(LOG, body)
    assert Entry.objects.filter(pk=entry.pk, event=entry.event).exists()


def test_an_account_is_found_by_an_index(ada):
    sql(
        "INSERT INTO audit_log (event, user_id, actor_id)"
        " SELECT 'signed_in', gen_random_uuid(), gen_random_uuid() FROM generate_series(1, 5000)"
    )
    sql("ANALYZE audit_log")
    plan = Entry.objects.about([ada.pk]).order_by("-id")[:100].explain()
    assert "audit_log_user" in plan
    assert "audit_log_actor" in plan
