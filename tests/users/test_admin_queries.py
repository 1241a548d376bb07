"""Each page of the admin: how many queries it makes, and that what users wrote stays text on it."""

from types import SimpleNamespace

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import addresses, sessions
from accounts.models import PendingAddress, User
from audit.models import Entry
from outbox.models import OutboxEvent
from tests.security.pages import Inline
from tests.users.test_admin import ADMIN

XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>'\""
QUERIES = {
    "": 5,
    "accounts/": 4,
    "accounts/pendingaddress/": 6,
    "accounts/pendingaddress/?q=grace": 6,
    "accounts/pendingaddress/{waiting}/change/": 5,
    "accounts/user/": 6,
    "accounts/user/?q=grace": 6,
    "accounts/user/add/": 4,
    "accounts/user/{user}/change/": 12,
    "accounts/user/{user}/history/": 7,
    "accounts/user/{user}/delete/": 8,
    "accounts/user/{user}/password/": 5,
    "audit/entry/": 6,
    "audit/entry/?q=grace": 5,
    "audit/entry/{entry}/change/": 5,
    "auth/group/": 7,
    "auth/group/add/": 5,
    "auth/group/{group}/change/": 7,
    "auth/group/{group}/delete/": 7,
    "outbox/outboxevent/": 6,
    "outbox/outboxevent/?q={user}": 6,
    "outbox/outboxevent/{row}/change/": 5,
    "pipeline/": 8,
}


def write(user, number):
    """One more of everything that the pages show, with text that would like to be more."""
    name = f"{number} {XSS}"
    other = User.objects.create(username=name[:100], email=f"{number}@example.com", password="!")
    User.objects.filter(pk=user.pk).update(username=f"grace {XSS}"[:100])
    for each in (user, other):
        sessions.start(each, name)
    addresses.propose(other, f"next{number}@example.com")
    addresses.register(f"new{number}@example.com", f"new {name}"[:100], "!")
    group = Group.objects.create(name=name)
    group.permissions.add(*Permission.objects.all()[: number + 1])
    user.groups.add(group)
    OutboxEvent.objects.create(aggregatetype="x", aggregateid=name, type=name, payload={name: name})
    for row in (user, other, group, *Entry.objects.all()[:2], *OutboxEvent.objects.all()[:2]):
        kind = ContentType.objects.get_for_model(row)
        shown = {"object_id": row.pk, "object_repr": name[:200], "change_message": name}
        LogEntry.objects.create(user=user, content_type=kind, action_flag=CHANGE, **shown)


@pytest.fixture
def pages(admin, staff):
    write(staff, 0)
    keys = {"user": staff.pk, "group": Group.objects.get().pk}
    keys["waiting"] = PendingAddress.objects.filter(user=None).first().pk
    keys["entry"] = Entry.objects.first().pk
    keys["row"] = OutboxEvent.objects.get(aggregatetype="x").pk
    return {path.format(**keys): count for path, count in QUERIES.items()}


def text_of(admin, path):
    response = admin.get(ADMIN + path)
    assert response.status_code == 200, path
    return response.text


def counted(admin, paths):
    found = {}
    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            text_of(admin, path)
        found[path] = len(queries)
    return found


def test_the_number_of_queries_does_not_grow_with_the_rows(admin, staff, pages):
    for path in pages:
        text_of(admin, path)  # Content types are read once.
    assert counted(admin, pages) == pages
    for number in range(1, 25):
        write(staff, number)
    assert counted(admin, pages) == pages


def test_what_users_wrote_is_inert(admin, pages):
    with_text = 0
    for path in pages:
        text = text_of(admin, path)
        with_text += "alert(1)" in text
        assert Inline(SimpleNamespace(url=ADMIN + path, text=text)).found == [], path
        assert "<img src=x" not in text
    assert with_text > 15


@pytest.mark.parametrize("cap", [10, 2])
def test_the_list_tells_who_has_left_the_outbox(admin, staff, new_user, monkeypatch, cap):
    """Where the outbox is deeper than it looks, nothing is said of who is not in what it sees."""
    monkeypatch.setattr("config.admin_lists.CappedPaginator.CAP", cap)
    OutboxEvent.objects.all().delete()
    new_user("waiting")
    for other in "ab":
        OutboxEvent.objects.create(aggregatetype="x", aggregateid=other, type="t", payload={})
    rows = text_of(admin, "accounts/user/").split("<tr")[1:]
    icons = {
        name: next(row for row in rows if f">{name}<" in row).partition("field-left_outbox")[2]
        for name in ("waiting", staff.username)
    }
    assert "icon-no" in icons["waiting"]
    assert ("icon-yes" if cap == 10 else "icon-unknown") in icons[staff.username]


def test_the_page_of_a_user_has_the_rows_that_wait(admin, staff, new_user):
    OutboxEvent.objects.all().delete()
    waiting = new_user("waiting")
    row = OutboxEvent.objects.get()
    page = text_of(admin, f"accounts/user/{waiting.pk}/change/")
    assert f'outboxevent/{row.pk}/change/">user.created.v1</a>' in page
    assert "Nothing waits." in text_of(admin, f"accounts/user/{staff.pk}/change/")
