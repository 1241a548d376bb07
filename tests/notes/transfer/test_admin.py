"""Notes that are selected in the admin's list, as an export."""

from threading import BoundedSemaphore

import pytest

from notes.models import Note
from tests.notes.test_admin import ADMIN
from tests.notes.test_notes import make, url_of
from tests.notes.transfer.moving import body, take
from transfer import admin

pytestmark = pytest.mark.django_db


def test_those_that_are_selected_are_exported_and_can_be_taken(
    staff, api, bobs_api, sign_in, monkeypatch
):
    monkeypatch.setattr(admin, "PAGE", 2)
    notes = [make(api, title=f"{n}", content="a\nb", tags=["t"]) for n in range(3)]
    notes.append(make(bobs_api, title="Bob's", content={"type": "doc", "version": 1, "blocks": []}))
    notes.append(make(api, title="trash"))
    api.delete(url_of(notes[-1]))
    make(api, title="not selected")
    chosen = {"action": "export_selected", "_selected_action": [note["id"] for note in notes]}
    answer = staff.post(f"{ADMIN}notes/note/", chosen)
    assert answer["Content-Disposition"] == 'attachment; filename="notes.jsonl"'
    export = body(answer)
    for note in notes[:-1]:
        api.delete(url_of(note))
    Note.objects.exclude(title="not selected").delete()
    report = take(api, export)
    assert (report["created"], report["refused"]) == (4, 0)
    titles = {note["title"] for note in api.get("/api/v1/notes/").json()["results"]}
    assert titles == {"0", "1", "2", "Bob's", "not selected"}


def test_it_waits_for_a_place_as_other_exports_do(staff, api, monkeypatch):
    places = BoundedSemaphore(1)
    monkeypatch.setattr("transfer.places._places", places)
    chosen = {"action": "export_selected", "_selected_action": [make(api)["id"]]}
    with places:
        answer = staff.post(f"{ADMIN}notes/note/", chosen, follow=True)
    assert "Others export or import at the moment." in answer.content.decode()
    assert b'"end":true' in body(staff.post(f"{ADMIN}notes/note/", chosen))
    assert places.acquire(blocking=False)


def test_whoever_is_not_staff_gets_nothing(client, api, issuer, ada):
    note = make(api)
    client.cookies["access_token"] = issuer.token(ada)
    fields = {"action": "export_selected", "_selected_action": [note["id"]]}
    assert client.post(f"{ADMIN}notes/note/", fields).status_code in (302, 403)
