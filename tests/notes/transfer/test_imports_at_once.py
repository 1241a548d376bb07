"""Several imports at once, and what else changes meanwhile."""

import io
import json
from functools import partial

import pytest
from django.db import connection, transaction

from devstack.processes import wait_until
from notes.management.commands.prune_notes import Orphans
from notes.models import Note, NoteTag, Tag
from tests.notes.transfer.moving import (
    counts,
    lines_of,
)
from tests.threads import at_once, in_thread, wait_until_blocked
from transfer import importing
from transfer.items import note_id

pytestmark = pytest.mark.django_db


def taken(user, data):
    """As the command does it, which several may run at once."""
    files = [("upload", io.BytesIO(data))]
    with importing.take(user, files, 10**7, dry_run=False) as report:
        return json.loads(b"".join(report))


@pytest.mark.django_db(transaction=True)
def test_imports_at_once_make_each_note_once(user):
    notes = [{"title": f"{n}", "tags": [f"t{n % 7}", f"u{n % 11}"]} for n in range(500)]
    reports = at_once(lambda _: counts(taken(user, lines_of(*notes))), 4)
    assert sum(report.get("created", 0) for report in reports) == 500
    assert all(sum(report.values()) == 500 for report in reports), reports
    assert Note.objects.count() == 500
    assert NoteTag.objects.count() == 1000


@pytest.mark.django_db(transaction=True)
def test_two_imports_in_opposite_order_do_not_wait_for_each_other(user):
    keys = {note_id(user.id, f"{n}"): f"{n}" for n in range(9)}
    in_order = sorted(keys)
    uploads = [
        lines_of(*({"title": "a", "id": keys[each]} for each in in_order[::step]))
        for step in (1, -1)
    ]
    with transaction.atomic():
        # Here both come to a stop, with what they have made until then.
        Note.objects.create(id=in_order[4], user=user)
        imports = [in_thread(partial(taken, user, upload)) for upload in uploads]
        assert wait_until(lambda: _waiting() == 2, 20, every=0.01)
        transaction.set_rollback(True)
    reports = [each.result(60) for each in imports]
    assert sorted(report["created"] for report in reports) == [0, 9]
    assert sorted(report["unchanged"] for report in reports) == [0, 9]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.django_db(transaction=True)
def test_what_another_import_makes_meanwhile_is_there(user, count):
    upload = lines_of(*({"title": f"{n}", "id": f"{n}"} for n in range(count)))
    with transaction.atomic():
        assert counts(taken(user, upload.replace(b'"2"', b'"x"'))) == {"created": count}
        second = in_thread(lambda: counts(taken(user, upload)))
        wait_until_blocked()
    assert second.result(20) == {1: {"unchanged": 1}, 3: {"created": 1, "unchanged": 2}}[count]


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_is_collected_meanwhile_is_made_again(user):
    Tag.objects.create(name="a")
    with transaction.atomic():
        assert sum(Orphans().delete()) == 1
        report = in_thread(lambda: counts(taken(user, lines_of({"title": "b", "tags": ["a"]}))))
        wait_until_blocked()
    assert report.result(20) == {"created": 1}
    assert [tag.name for tag in Note.objects.get().tags.all()] == ["a"]


def _waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]
