"""Import and export on the notes pages."""

from io import BytesIO

import pytest

from notes.models import Note
from tests.notes.pages.forms import PAGES, post
from tests.notes.test_browsable import page_of
from tests.notes.test_notes import make

pytestmark = pytest.mark.django_db


def test_import(browser):
    path = f"{PAGES}import/"
    page = page_of(browser.get(path))
    assert page_of(post(browser, page, path, file=""), 400).count("Give a file.") == 2


def test_an_export_is_imported(browser, api):
    make(api, title="Kept")
    exported = b"".join(api.get("/api/v1/notes/export/?format=jsonl").streaming_content)
    assert "1 now" in page_of(browser.get(f"{PAGES}export/"))
    path = f"{PAGES}import/"
    page = page_of(browser.get(path))

    def send(data, **fields):
        file = BytesIO(data)
        file.name = "notes.jsonl"
        return post(browser, page, path, file=file, **{"dry_run": "", **fields})

    done = page_of(send(exported))
    assert "<dt>Here already</dt><dd>1</dd>" in done
    Note.objects.all().delete()
    assert "What would be done" in page_of(send(exported, dry_run="true"))
    assert not Note.objects.exists()
    page_of(send(exported))
    assert Note.objects.get().title == "Kept"
    broken = page_of(send(b"neither this nor that"), 415)
    assert 'id="file-errors" class="error">' in broken
