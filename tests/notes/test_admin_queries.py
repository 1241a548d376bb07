"""Each page of the admin: how many queries it makes, and that what users wrote stays text on it."""

import uuid
from types import SimpleNamespace

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inbox.models import DeadLetter, EventLog
from notes.models import Note, Tag
from tests.notes.inbox.events import apply_batch, created, raw
from tests.notes.test_admin import ADMIN, get
from tests.security.pages import Inline
from users.models import User

XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>'\""
QUERIES = {
    "": 2,
    "notes/": 1,
    "inbox/": 1,
    "users/": 1,
    "notes/note/": 3,
    "notes/note/?q={user}": 3,
    "notes/note/?tag={tag}": 4,
    "notes/note/add/": 1,
    "notes/note/{note}/change/": 6,
    "notes/note/{note}/history/": 4,
    "notes/note/{note}/delete/": 2,
    "notes/tag/": 3,
    "notes/tag/add/": 1,
    "notes/tag/{tag}/change/": 2,
    "notes/tag/{tag}/history/": 4,
    "notes/tag/{tag}/delete/": 3,
    "autocomplete/?app_label=notes&model_name=note&field_name=tags&term=": 3,
    "autocomplete/?app_label=notes&model_name=note&field_name=user&term=": 3,
    "users/user/": 3,
    "users/user/{user}/change/": 2,
    "users/user/{user}/history/": 3,
    "inbox/eventlog/": 3,
    "inbox/eventlog/{event}/change/": 2,
    "inbox/eventlog/{event}/history/": 4,
    "inbox/deadletter/": 3,
    "inbox/deadletter/{letter}/change/": 2,
    "inbox/deadletter/{letter}/history/": 3,
    "pipeline/": 6,
}
pytestmark = pytest.mark.django_db


def write(user, number):
    """One more of everything that the pages show, with text that would like to be more."""
    name = f"{number} {XSS}"
    note = Note.objects.create(user=user, title=name, content=name)
    tag = Tag.objects.create(name=name[:100])
    note.tags.add(tag)
    first = Note.objects.order_by("created_at", "id").first()
    first.tags.add(tag)
    first.title = f"{first.title}, {number}"[:500]
    first.save()
    other = uuid.uuid4()
    apply_batch([created(other, username=name[:100]), raw(name.encode(), key=name.encode())])
    EventLog.objects.update(type=XSS)
    DeadLetter.objects.update(reason=XSS, headers=[[XSS, None]])
    for row in (note, tag, first, User.objects.get(pk=other), *EventLog.objects.all()):
        kind = ContentType.objects.get_for_model(row)
        shown = {"object_id": row.pk, "object_repr": name[:200], "change_message": name}
        LogEntry.objects.create(user=user, content_type=kind, action_flag=CHANGE, **shown)


@pytest.fixture
def pages(staff, bob):
    get(staff, "")  # Stores the shadow user of the staff.
    user = User.objects.get(pk=bob.id)
    write(user, 0)
    note, letter = Note.objects.get(), DeadLetter.objects.get()
    keys = {"note": note.pk, "tag": note.tags.get().pk, "user": user.pk, "letter": letter.pk}
    keys["event"] = EventLog.objects.first().pk
    return user, {path.format(**keys): count for path, count in QUERIES.items()}


def counted(staff, paths):
    found = {}
    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            get(staff, path)
        found[path] = len(queries)
    return found


def test_the_number_of_queries_does_not_grow_with_the_rows(staff, pages):
    user, expected = pages
    for path in expected:
        get(staff, path)  # Content types are read once.
    assert counted(staff, expected) == expected
    for number in range(1, 25):
        write(user, number)
    assert counted(staff, expected) == expected


def test_what_users_wrote_is_inert(staff, pages):
    user, paths = pages
    User.objects.filter(pk=user.pk).update(username=XSS)
    with_text = 0
    for path in paths:
        text = get(staff, path)
        with_text += "alert(1)" in text
        if not path.startswith("autocomplete/"):
            assert Inline(SimpleNamespace(url=ADMIN + path, text=text)).found == [], path
            assert "<img src=x" not in text
    assert with_text > 20
