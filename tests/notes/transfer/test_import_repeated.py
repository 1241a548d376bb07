"""Importing what is here already: nothing comes twice."""

import uuid

import pytest
from django.db import connection

from notes.models import Note
from tests.notes.test_notes import NOTES, make, url_of
from tests.notes.transfer.moving import (
    counts,
    export,
    lines_of,
    stored,
    take,
)
from tests.notes.transfer.test_import import NOTE
from tests.plans import buffers, explained, nodes
from transfer import importing
from transfer.items import note_id

pytestmark = pytest.mark.django_db


class TestNothingTwice:
    def test_what_was_changed_since_stays_and_is_said(self, api, ada):
        data = lines_of(*({**NOTE, "id": f"n{n}"} for n in range(5)))
        assert counts(take(api, data)) == {"created": 5}
        urls = [f"{NOTES}{note_id(ada.id, f'n{n}')}/" for n in range(5)]
        api.patch(urls[0], {"content": "b"})
        api.patch(urls[1], {"tags": []})
        api.post(f"{urls[2]}archive/")
        api.delete(urls[3])
        before = stored(ada)
        report = take(api, data)
        assert counts(report) == {"unchanged": 1, "changed": 4}
        assert [line["source"] for line in report["report"]] == [f"upload:{n}" for n in range(2, 6)]
        assert "trash" in report["report"][3]["reason"]
        assert stored(ada) == before

    def test_the_report_is_in_the_order_of_the_upload(self, api, ada):
        first = {**NOTE, "id": "a"}
        take(api, lines_of(first))
        api.patch(f"{NOTES}{note_id(ada.id, 'a')}/", {"title": "Other"})
        lines = [{"title": 5}, first, {"title": 5}, first, {"title": "b"}]
        report = take(api, lines_of(*lines))
        outcomes = [(line["source"][-1], line["outcome"]) for line in report["report"]]
        assert outcomes == [
            *(("2", "refused"), ("3", "changed"), ("4", "refused"), ("5", "refused")),
        ]
        assert counts(report) == {"created": 1, "changed": 1, "refused": 3}

    def test_ones_own_export_changes_nothing(self, api, ada):
        made = make(api, **NOTE)
        data = export(api, "jsonl")
        assert counts(take(api, data)) == {"unchanged": 1}
        api.patch(url_of(made), {"title": "Other"})
        assert counts(take(api, data)) == {"changed": 1}
        assert Note.objects.count() == 1

    def test_an_id_of_anothers_note_is_as_good_as_any(self, api, bobs_api, bob):
        """And nothing tells that it is one."""
        known, unknown = make(api, **NOTE)["id"], str(uuid.uuid4())
        for each in (known, unknown):
            report = take(bobs_api, lines_of({**NOTE, "id": each}))
            assert counts(report) == {"created": 1}
            assert bobs_api.get(f"{NOTES}{each}/").status_code == 404
            assert bobs_api.get(f"{NOTES}{note_id(bob.id, each)}/").status_code == 200

    def test_one_id_twice_in_an_upload(self, api):
        report = take(api, lines_of({**NOTE, "id": "n"}, {**NOTE, "id": "n", "title": "Other"}))
        assert counts(report) == {"created": 1, "refused": 1}
        assert report["report"][0]["source"] == "upload:3"

    def test_without_ids_the_same_line_is_the_same_note(self, api):
        assert counts(take(api, lines_of(NOTE, {"title": "Other"}))) == {"created": 2}
        assert counts(take(api, lines_of({"title": "Other"}, NOTE))) == {"unchanged": 2}


def test_what_is_here_is_found_by_its_id_alone(api, ada):
    data = lines_of(*({"title": f"{n}"} for n in range(3000)))
    take(api, data)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notes")
    with explained() as plans:
        assert counts(take(api, data, dry_run="true")) == {"unchanged": 3000}
    of_notes = [
        (plan, node)
        for plan in plans
        for node in nodes(plan)
        if node.get("Relation Name") == "notes"
    ]
    assert len(of_notes) == 3000 / importing.BATCH_NOTES
    for plan, _ in of_notes:
        assert buffers(plan) <= 4 * importing.BATCH_NOTES, plan
