"""``manage.py prune_notes``: what has been kept long enough goes, and nothing else."""

import io
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from notes import tag_changes
from notes.management.commands import prune_notes
from notes.models import IdempotencyKey, Note, NoteTag, NoteVersion, Tag
from tests.notes.test_notes import NOTES, make, url_of
from tests.threads import at_once, in_thread, wait_until_blocked

pytestmark = pytest.mark.django_db
MODELS = {"notes": (Note, "deleted_at"), "versions": (NoteVersion, "replaced_at")}
MODELS["keys"] = (IdempotencyKey, "created_at")


def run(*options):
    out = io.StringIO()
    call_command("prune_notes", *options, stdout=out)
    return out.getvalue()


def counts(*options):
    return json.loads(run("--json", *options))


@pytest.fixture
def kept(api):
    """Three of each kind."""
    for number in range(3):
        note = make(api, title="a", tags=["x"])
        api.patch(url_of(note), {"title": "b"})
        api.delete(url_of(make(api, title="trashed", tags=["y"])))
        headers = {"idempotency-key": str(number)}
        assert api.post(NOTES, {"title": "c"}, headers=headers).status_code == 201
    return api


def age(name, by):
    """Moves one row of a kind into the past."""
    model, column = MODELS[name]
    row = model.objects.exclude(**{column: None}).first()
    model.objects.filter(pk=row.pk).update(**{column: timezone.now() - by})


def times(settings):
    return {
        "notes": timedelta(days=settings.NOTES_TRASH_DAYS),
        "versions": timedelta(days=settings.NOTES_HISTORY_DAYS),
        "keys": timedelta(hours=settings.NOTES_IDEMPOTENCY_HOURS),
    }


@pytest.mark.parametrize("name", MODELS)
def test_what_is_overdue_goes_and_what_is_not_stays(kept, settings, name):
    settings.NOTES_TRASH_DAYS, settings.NOTES_HISTORY_DAYS = 7, 14
    settings.NOTES_IDEMPOTENCY_HOURS = 3
    nothing = dict.fromkeys((*MODELS, "tags"), 0)
    age(name, times(settings)[name] - timedelta(minutes=1))
    assert counts() == nothing
    age(name, times(settings)[name] + timedelta(minutes=1))
    assert counts("--dry-run") == counts("--dry-run") == {**nothing, name: 1}
    assert counts() == {**nothing, name: 1}
    assert counts() == nothing
    model, column = MODELS[name]
    assert model.objects.exclude(**{column: None}).count() == 2


def test_the_numbers_in_words(kept):
    assert run("--dry-run") == "0 notes, 0 versions, 0 keys, 0 tags would be deleted\n"
    age("versions", timedelta(days=31))
    assert run() == "0 notes, 1 versions, 0 keys, 0 tags deleted\n"


def test_it_goes_by_batches_and_takes_what_hangs_on_a_note(kept, monkeypatch):
    monkeypatch.setattr(prune_notes, "BATCH", 2)
    old = timezone.now() - timedelta(days=31)
    Note.objects.exclude(deleted_at=None).update(deleted_at=old)
    assert counts()["notes"] == 3
    assert not NoteTag.objects.filter(tag__name="y").exists()
    assert not Tag.objects.filter(name="y").exists()
    assert Note.objects.count() == 6


@pytest.mark.parametrize("name", MODELS)
def test_what_is_overdue_is_found_by_an_index(kept, name):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        statement = prune_notes._kinds()[name]._fill(prune_notes._DELETE)
        cursor.execute(f"EXPLAIN {statement}", [timezone.now(), 10])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan" in plan, plan
    assert "_overdue" in plan, plan


@pytest.mark.django_db(transaction=True)
def test_a_note_that_is_being_restored_stays(sign_in, ada):
    api = sign_in(ada)
    note = make(api)
    api.delete(url_of(note))
    age("notes", timedelta(days=31))
    with transaction.atomic():
        Note.trash.filter(pk=note["id"]).update(deleted_at=None)
        assert in_thread(counts).result(20)["notes"] == 0
    assert api.get(url_of(note)).status_code == 200


class TestOrphans:
    def test_tags_that_no_note_has_go(self, api, bobs_api):
        note, trashed = make(api, tags=["kept", "gone"]), make(bobs_api, tags=["trashed"])
        bobs_api.delete(url_of(trashed))
        api.patch(url_of(note), {"tags": ["kept"]})
        Tag.objects.create(name="never")
        assert counts("--dry-run")["tags"] == counts()["tags"] == 2
        assert counts()["tags"] == 0
        assert {*Tag.objects.values_list("name", flat=True)} == {"kept", "trashed"}

    @pytest.mark.parametrize("batch", [1, 3, 1000])
    def test_it_goes_by_batches_through_all_of_them(self, api, monkeypatch, batch):
        monkeypatch.setattr(prune_notes, "BATCH", batch)
        make(api, tags=["b", "d"])
        Tag.objects.bulk_create(Tag(name=name) for name in ("a", "c", "e", "日本", "👩‍🚀"))
        assert counts()["tags"] == 5
        assert {*Tag.objects.values_list("name", flat=True)} == {"b", "d"}

    @pytest.mark.django_db(transaction=True)
    def test_one_that_is_being_put_on_a_note_stays(self, sign_in, ada):
        api = sign_in(ada)
        Tag.objects.create(name="a")
        with transaction.atomic():
            note = make(api, tags=["a"])
            assert in_thread(counts).result(20)["tags"] == 0
        assert api.get(url_of(note)).json()["tags"] == ["a"]

    @pytest.mark.django_db(transaction=True)
    def test_without_the_lock_it_would_be_lost(self, sign_in, ada, monkeypatch):
        unlocked = tag_changes._LOCK_ORPHANS.replace("FOR UPDATE SKIP LOCKED", "")
        monkeypatch.setattr(tag_changes, "_LOCK_ORPHANS", unlocked)
        api = sign_in(ada)
        Tag.objects.create(name="a")
        with transaction.atomic():
            note = make(api, tags=["a"])
            pruned = in_thread(counts)
            wait_until_blocked()
        assert pruned.result(20)["tags"] == 1
        assert api.get(url_of(note)).json()["tags"] == []

    @pytest.mark.django_db(transaction=True)
    def test_one_that_is_going_is_made_again_for_who_needs_it(self, sign_in, ada, monkeypatch):
        api = sign_in(ada)
        old = Tag.objects.create(name="a")
        with transaction.atomic():
            assert counts()["tags"] == 1
            answer = in_thread(lambda: make(api, tags=["a"]))
            wait_until_blocked()
        assert answer.result(20)["tags"] == ["a"]
        assert Tag.objects.get().id != old.id

    @pytest.mark.django_db(transaction=True)
    def test_while_notes_are_written_none_loses_a_tag(self, sign_in, ada):
        api = sign_in(ada)
        api.get(NOTES)
        clients = [sign_in(ada) for _ in range(4)]

        def write(number):
            for step in range(20):
                if number == 4:
                    counts()
                    continue
                note = make(clients[number], tags=["a", "b"])
                assert clients[number].get(url_of(note)).json()["tags"] == ["a", "b"]
                fields = {"tags": ["c"] if step % 2 else []}
                answer = clients[number].patch(url_of(note), fields)
                assert answer.json()["tags"] == fields["tags"]

        at_once(write, 5)


@pytest.mark.django_db(transaction=True)
def test_again_and_again_until_it_is_told_to_end(sign_in, ada):
    api = sign_in(ada)
    project = Path(prune_notes.__file__).parents[3]
    database = connection.settings_dict
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    environment = os.environ | {
        "NOTES_DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "manage.py", "prune_notes", "--every", "0.1"]
    process = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE)
    try:
        for _ in range(2):
            api.delete(url_of(make(api)))
            age("notes", timedelta(days=31))
            assert json.loads(process.stdout.readline())["notes"] == 1
            assert not Note.objects.exists()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, rest) == (0, b"")
