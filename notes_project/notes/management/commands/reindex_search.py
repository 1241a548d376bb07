"""``manage.py reindex_search``: makes what the search reads again, in the settings' language."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction

from config.progress import Progress

BATCH = 500
_LANGUAGE = """
CREATE OR REPLACE FUNCTION notes_search_language() RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 'pg_catalog.{}'::regconfig $$
"""
# The lock: what is being changed is waited for, and then read as it is.
_BATCH = """
WITH batch AS (
    SELECT id, user_id, title, content, content_format FROM notes
    WHERE id > %s ORDER BY id LIMIT %s FOR SHARE
), indexed AS (
    INSERT INTO note_search (note_id, search)
    SELECT id, notes_search_vector(user_id, title, notes_plain_text(content, content_format))
    FROM batch
    ON CONFLICT (note_id) DO UPDATE SET search = excluded.search
)
SELECT id FROM batch ORDER BY id
"""


class Command(BaseCommand):
    help = (
        "Sets the language of the search to NOTES_SEARCH_LANGUAGE and indexes all notes again, in"
        " small batches while the service runs. Safe to repeat, and to be run again where it"
        " ended.\n"
        "Examples: reindex_search; reindex_search --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        language = settings.NOTES_SEARCH_LANGUAGE
        with connection.cursor() as cursor:
            # One of the names that the settings know. What is written from here on follows it.
            cursor.execute(_LANGUAGE.format(language))
        count = _index_all()
        if options["json"]:
            self.stdout.write(json.dumps({"language": language, "notes": count}))
        else:
            self.stdout.write(f"{count} notes indexed, language {language}")


def _index_all() -> int:
    count, last = 0, "00000000-0000-0000-0000-000000000000"
    with Progress("notes") as progress:
        while True:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_BATCH, [last, BATCH])
                rows = cursor.fetchall()
            if not rows:
                return count
            count, last = count + len(rows), rows[-1][0]
            progress.show(count)
