"""The admin of users: who gets in, and what its changes do."""

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection

from accounts import addresses
from accounts.models import PendingAddress, Session, User
from config.admin_lists import CappedPaginator
from tests.plans import explained, rows_read
from tests.users.conftest import PASSWORD

ADMIN = "/admin/users/"
LIST = f"{ADMIN}accounts/user/"


def page_of(user):
    return f"{LIST}{user.pk}/change/"


def form_of(user, **changes):
    """What the change page posts back."""
    boxes = {
        name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)
    }
    inlines = {
        f"{name}-{count}_FORMS": 0
        for name in ("sessions", "pending_address")
        for count in ("TOTAL", "INITIAL")
    }
    fields = {"username": user.username, "email": user.email, **boxes, **inlines, **changes}
    return {name: value for name, value in fields.items() if value is not None}


def test_of_more_users_than_the_list_counts_nothing_is_done(admin, ada, monkeypatch):
    monkeypatch.setattr(CappedPaginator, "CAP", 1)
    fields = {"action": "deactivate", "_selected_action": ada.pk, "select_across": "1"}
    page = admin.post(LIST, {**fields, "index": "0"}, follow=True)
    assert "More than 1 are selected, and nothing is done." in page.text
    assert not User.objects.filter(is_active=False).exists()


def test_a_part_of_a_name_or_address_is_found_and_a_whole_id(admin, ada):
    terms = ["AD", "a@exa", str(ada.pk), str(ada.pk)[:8], "nobody"]
    found = [term for term in terms if page_of(ada) in admin.get(LIST, {"q": term}).text]
    assert found == terms[:3]


def test_an_id_that_is_none_is_a_400(admin):
    fields = {"action": "deactivate", "_selected_action": "x"}
    assert admin.post(LIST, fields).status_code == 400


def test_what_the_database_makes_is_not_on_a_page_that_adds(admin):
    paths = {f"{ADMIN}{m._meta.app_label}/{m._meta.model_name}/add/" for m in site._registry}
    opened = {path: admin.get(path) for path in paths}
    added = [path for path, page in opened.items() if page.status_code == 200]
    assert sorted(added) == [f"{LIST}add/", f"{ADMIN}auth/group/add/"]
    for path in added:
        for page in (opened[path], admin.post(path, {})):
            assert "<form" in page.text
            assert "DatabaseDefault" not in page.text
            assert "object at 0x" not in page.text


def test_signing_in_is_at_login(browser, ada):
    for path in (ADMIN, LIST, f"{ADMIN}login/?next={LIST}"):
        response = browser.get(path, follow=True)
        assert response.redirect_chain[-1][0].startswith("/login/?next=/admin/users/"), path
        assert "<h1>Sign in</h1>" in response.text


def test_who_is_no_staff_gets_a_403_and_no_loop(browser_of, ada):
    response = browser_of(ada).get(ADMIN, follow=True)
    assert response.status_code == 403
    assert "You are signed in as ada, who may not use the admin. Sign out" in response.text
    assert '<a href="/">To the front page</a>' in response.text


def test_a_session_that_ended_closes_the_admin(admin, staff):
    assert admin.get(ADMIN).status_code == 200
    Session.objects.all().end()
    assert admin.get(ADMIN, follow=True).redirect_chain[-1][0].startswith("/login/")


def test_signing_out_from_the_admin(admin):
    page = admin.get(ADMIN).text
    assert "Log out" not in page
    assert f'action="{ADMIN}logout/"' in page.partition('<button type="submit">Sign out')[0]
    response = admin.post(f"{ADMIN}logout/")
    assert (response.status_code, response.cookies["access_token"].value) == (302, "")
    assert not Session.objects.live().exists()


def test_no_page_shows_a_hash(admin, staff, ada):
    hashed = User.objects.get(pk=ada.pk).password
    for path in (LIST, page_of(ada), f"{LIST}{ada.pk}/password/", f"{LIST}add/"):
        response = admin.get(path)
        assert response.status_code == 200
        for part in hashed.split("$")[1:]:
            assert part[:6] not in response.text, path


def test_searching(admin, ada, new_user, django_assert_max_num_queries):
    for n in range(30):
        new_user(f"u{n}")
    with django_assert_max_num_queries(8) as queries:
        page = admin.get(LIST, {"q": "ada@example"})
    assert "/accounts/user/" + str(ada.pk) in page.text
    assert "u1@example.com" not in page.text
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT 10000" in count for count in counts), counts


def test_a_search_reads_whom_it_finds_alone(admin, ada):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (username, email, password)"
            " SELECT 'user ' || n, n || '@example.com', '!' FROM generate_series(1, 3000) AS n"
        )
        cursor.execute("ANALYZE users")
        # What autovacuum does: what was written just now is in no order.
        for index in ("users_username_parts", "users_email_parts"):
            cursor.execute("SELECT gin_clean_pending_list(%s)", [index])
    for asked in ("DA@Exam", f" {str(ada.pk).upper()} "):
        with explained() as plans:
            page = admin.get(LIST, {"q": asked})
        assert "1 user" in page.text
        assert str(ada.pk) in page.text
        # The list, the count, and three times who asks.
        assert sum(rows_read(plans, "users")) <= 1 + 1 + 3, plans


@pytest.mark.parametrize(
    "query", ["is_active__exact=1", "is_staff__exact=0", "q=%00", "p=1", "e=1"]
)
def test_filters(admin, ada, query):
    assert admin.get(f"{LIST}?{query}", follow=True).status_code == 200


def test_adding(admin):
    body = {
        "username": "ada",
        "email": "ada@example.com",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert admin.post(f"{LIST}add/", body).status_code == 302
    assert User.objects.get(username="ada").check_password(PASSWORD)
    again = admin.post(f"{LIST}add/", {**body, "username": "ADA", "email": "a@example.com"})
    assert again.status_code == 200
    assert User.objects.count() == 2


def test_renaming_signs_nobody_out(admin, ada, tokens, api):
    response = admin.post(page_of(ada), form_of(ada, username="countess"))
    assert response.status_code == 302, response.context and response.context["errors"]
    changed = User.objects.get(pk=ada.pk)
    assert (changed.username, changed.version) == ("countess", 2)
    assert changed.tokens_valid_after == ada.tokens_valid_after
    assert api.get("/api/v1/users/me/").status_code == 200


@pytest.mark.parametrize(
    "change", [{"is_active": None}, {"is_staff": "on"}, {"is_superuser": "on"}]
)
def test_a_change_of_rights_signs_out(admin, ada, api, change):
    assert admin.post(page_of(ada), form_of(ada, **change)).status_code == 302
    assert api.get("/api/v1/users/me/").status_code == 401
    assert not Session.objects.live().filter(user=ada).exists()
    changed = User.objects.get(pk=ada.pk)
    assert changed.version == 2
    name, value = next(iter(change.items()))
    assert getattr(changed, name) is (value == "on")


def test_a_new_password_signs_out(admin, ada, api):
    body = {
        "usable_password": "true",
        "password1": "battery staple 7",
        "password2": "battery staple 7",
    }
    assert admin.post(f"{LIST}{ada.pk}/password/", body).status_code == 302
    assert api.get("/api/v1/users/me/").status_code == 401
    assert User.objects.get(pk=ada.pk).check_password("battery staple 7")


@pytest.mark.parametrize(
    ("action", "active"), [("deactivate", False), ("sign_out_everywhere", True)]
)
def test_actions(admin, staff, ada, api, action, active):
    body = {"action": action, "_selected_action": [str(ada.pk)]}
    assert admin.post(LIST, body).status_code == 302
    assert api.get("/api/v1/users/me/").status_code == 401
    assert not Session.objects.live().filter(user=ada).exists()
    assert User.objects.get(pk=ada.pk).is_active is active
    assert admin.get(LIST).status_code == 200


@pytest.fixture
def manager(new_user, browser_of):
    """Of the staff, with all rights to users, and no superuser."""
    user = new_user("mary", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    return browser_of(user)


def test_rights_are_a_superusers_to_give(manager, ada):
    group = Group.objects.create(name="all")
    rights = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk], "user_permissions": [1]}
    answer = manager.post(page_of(ada), form_of(ada, username="countess", **rights))
    assert answer.status_code == 302
    ada = User.objects.get(pk=ada.pk)
    assert (ada.username, ada.is_staff, ada.is_superuser) == ("countess", False, False)
    assert not ada.groups.exists()
    assert not ada.user_permissions.exists()


def test_a_group_is_a_superusers_to_change(manager, admin):
    """Or whoever is in one, and may change groups, gives themselves all rights."""
    group = Group.objects.create(name="all")
    mary = User.objects.get(username="mary")
    mary.user_permissions.add(*Permission.objects.filter(content_type__model="group"))
    mary.groups.add(group)
    path, body = f"{ADMIN}auth/group/{group.pk}/", {"name": "all", "permissions": [1]}
    assert manager.get(f"{path}change/").status_code == 200
    for page in (f"{path}change/", f"{path}delete/", f"{ADMIN}auth/group/add/"):
        assert manager.post(page, body).status_code == 403, page
    assert not group.permissions.exists()
    assert admin.post(f"{path}change/", body).status_code == 302
    assert group.permissions.exists()


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_the_staff_is_a_superusers_to_change(manager, new_user, rights):
    bob = new_user("bob", **rights)
    passwords = {"usable_password": "true", "password1": "staple 77x", "password2": "staple 77x"}
    assert manager.get(page_of(bob)).status_code == 200
    assert manager.post(page_of(bob), form_of(bob, username="b")).status_code == 403
    assert manager.post(f"{LIST}{bob.pk}/password/", passwords).status_code == 403
    assert manager.post(f"{LIST}{bob.pk}/delete/", {"post": "yes"}).status_code == 403
    for action in ("deactivate", "sign_out_everywhere", "delete_selected"):
        chosen = {"action": action, "_selected_action": [str(bob.pk)], "post": "yes"}
        manager.post(LIST, chosen)
    assert User.objects.filter(pk=bob.pk, version=1, is_active=True).exists()


def test_nobody_deactivates_himself(admin, staff):
    admin.post(LIST, {"action": "deactivate", "_selected_action": [str(staff.pk)]})
    assert admin.get(LIST).status_code == 200


def test_deleting_says_what_goes_with_it(admin, ada, tokens):
    tokens(ada)
    path = f"{LIST}{ada.pk}/delete/"
    assert "sessions and refresh tokens of this user" in admin.get(path).text
    body = {"action": "delete_selected", "_selected_action": [str(ada.pk)]}
    assert "sessions and refresh tokens of these users" in admin.post(LIST, body).text
    assert admin.post(path, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ada.pk).exists()


def test_sessions_are_read_only(admin, ada, tokens):
    tokens(ada)
    session = Session.objects.get(user=ada)
    body = form_of(
        ada,
        **{
            "sessions-TOTAL_FORMS": 1,
            "sessions-INITIAL_FORMS": 1,
            "sessions-0-id": str(session.pk),
            "sessions-0-user": str(ada.pk),
            "sessions-0-DELETE": "on",
            "sessions-0-user_agent": "changed",
        },
    )
    assert str(session.pk) in admin.get(page_of(ada)).text
    admin.post(page_of(ada), body)
    session.refresh_from_db()
    assert session.user_agent == ""


def test_the_log_names_fields_and_no_values(admin, ada):
    admin.post(page_of(ada), form_of(ada, email="secret@example.com"))
    assert "secret" not in LogEntry.objects.latest("pk").change_message


def test_an_address_is_confirmed_by_hand(admin, new_user):
    new_user("bob")
    for name in ("ada", "bob"):
        addresses.register(f"{name}@example.com", f"{name}2", PASSWORD)
    addresses.propose(User.objects.get(username="bob"), "next@example.com")
    path = f"{ADMIN}accounts/pendingaddress/"
    page = admin.get(path).text
    assert "ada@example.com" in page
    assert "next@example.com" not in page
    keys = [str(key) for key in PendingAddress.objects.values_list("pk", flat=True)]
    page = admin.post(path, {"action": "confirm", "_selected_action": keys}, follow=True).text
    assert "Confirmed: 1." in page
    assert "Not bob2: An account has this address or this username already." in page
    assert User.objects.get(username="ada2").email == "ada@example.com"
    assert set(PendingAddress.objects.values_list("email", flat=True)) == {
        "bob@example.com",
        "next@example.com",
    }


def test_whoever_may_add_users_confirms(new_user, browser_of):
    addresses.register("ada@example.com", "ada", PASSWORD)
    waiting = PendingAddress.objects.get()
    path = f"{ADMIN}accounts/pendingaddress/"
    rights = Permission.objects.filter(content_type__app_label="accounts")
    for name, codes, done in (
        ("viewer", ["view_pendingaddress", "change_pendingaddress"], False),
        ("adder", ["view_pendingaddress", "add_user"], True),
    ):
        user = new_user(name, is_staff=True)
        user.user_permissions.set(rights.filter(codename__in=codes))
        staff = browser_of(user)
        assert 'name="_save"' not in staff.get(f"{path}{waiting.pk}/change/").text
        staff.post(path, {"action": "confirm", "_selected_action": waiting.pk})
        assert User.objects.filter(username="ada").exists() == done


def test_a_proposed_address_is_taken_back_by_hand(admin, ada):
    addresses.propose(ada, "next@example.com")
    assert "next@example.com" in admin.get(page_of(ada)).text
    changes = {
        "pending_address-TOTAL_FORMS": 1,
        "pending_address-INITIAL_FORMS": 1,
        "pending_address-0-id": PendingAddress.objects.get().pk,
        "pending_address-0-user": ada.pk,
        "pending_address-0-DELETE": "on",
    }
    assert admin.post(page_of(ada), form_of(ada, **changes)).status_code == 302
    assert not PendingAddress.objects.exists()
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"
