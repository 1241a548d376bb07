"""Block documents in the database and in the published schema."""

import json
import random

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from jsonschema import Draft202012Validator

from notes import blocks, schema
from notes.models import Note
from tests.notes.test_content import ALL, COMMITTED, VALIDATOR, document, paragraph
from tests.notes.test_notes import NOTES, make

pytestmark = pytest.mark.django_db

TEXT_OF_ALL = """Heading
marked mail
bullet
number
to do
quoted
\twords
print("code")

called out
within
ab\tc
\td
alt
image
title
mark
http://example.com/x"""


class TestExcerpt:
    def excerpt(self, api):
        row = api.get(NOTES).json()["results"][0]
        return row["excerpt"], row["content_format"]

    def test_of_a_document_it_is_the_text(self, api):
        make(api, content=ALL)
        assert self.excerpt(api) == (TEXT_OF_ALL, "blocks")
        assert len(TEXT_OF_ALL) < 200
        with connection.cursor() as cursor:
            cursor.execute("SELECT notes_plain_text(content, content_format) FROM notes")
            assert cursor.fetchone() == (TEXT_OF_ALL,)

    def test_it_is_how_the_text_begins(self, api):
        make(api, content=document(paragraph("é" * 150), paragraph("é" * 150)))
        assert self.excerpt(api) == ("é" * 150 + "\n" + "é" * 49, "blocks")
        Note.objects.all().delete()
        make(api, content=document())
        assert self.excerpt(api) == ("", "blocks")
        Note.objects.all().delete()
        make(api, content=json.dumps(ALL))
        assert self.excerpt(api) == (json.dumps(ALL)[:200], "text")


class TestByHand:
    def test_a_document_written_by_hand_is_one(self, api, ada):
        api.get(NOTES)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notes (user_id, content, content_format) VALUES (%s, %s, 'blocks')",
                [ada.id, json.dumps(ALL)],
            )
        note = Note.objects.get()
        assert note.excerpt == TEXT_OF_ALL
        assert api.get(f"{NOTES}{note.id}/").json()["content"] == ALL

    @pytest.mark.parametrize("value", ["'a'", "NULL", "''", "'{'"])
    def test_what_is_no_json_is_no_document(self, api, value):
        make(api, content=ALL)
        with (
            pytest.raises((IntegrityError, DataError)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE notes SET content = {value}")
        assert make(api, content="a")["content"] == "a"


class TestSchema:
    def test_the_committed_file_is_what_the_code_says(self):
        """After a change that is meant, see CONTRIBUTING.md."""
        assert COMMITTED.read_text() == schema.published()
        Draft202012Validator.check_schema(json.loads(COMMITTED.read_text()))

    def test_it_is_served_to_everybody(self, client):
        response = client.get("/api/v1/schema/notes/block-document.v1.json")
        assert response["Content-Type"] == "application/schema+json"
        assert response.content.decode() == COMMITTED.read_text()

    def test_it_takes_and_refuses_what_the_service_does(self):
        """Documents with something changed by chance, of which about half are none any more."""
        draw, taken = random.Random(5), 0
        for _ in range(400):
            content = json.loads(json.dumps(ALL))
            for _ in range(draw.randint(1, 2)):
                _damage(draw, content)
            try:
                blocks.canonical(content)
            except blocks.InvalidDocument:
                assert list(VALIDATOR.iter_errors(content)), content
            else:
                taken += 1
                assert not list(VALIDATOR.iter_errors(content)), content
        assert 40 < taken < 360


def _damage(draw, content):
    """Takes, adds or changes a member somewhere within."""
    node = content
    while True:
        names = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not names:
            return
        name = draw.choice(names)
        if isinstance(node[name], dict | list) and draw.random() < 0.8:
            node = node[name]
            continue
        values = [None, 5, "x", True, [], {}, "bold", "https://a", "paragraph", [{"text": "x"}]]
        match draw.choice(["take", "change", "change", "add", "double"]):
            case "take":
                del node[name]
            case "change":
                node[name] = draw.choice(values)
            case "add" if isinstance(node, dict):
                node[draw.choice(["text", "link", "children", "header", "alt"])] = draw.choice(
                    values
                )
            case "double" if isinstance(node, list):
                node.append(node[name])
        return
