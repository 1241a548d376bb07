"""What PostgreSQL reads for each request of a user with very many notes: what it shows or changes.

Triggers and foreign keys included, by the counters of the transaction.
"""

import pytest
from django.db import connection, transaction

from notes.models import Note
from tests.notes.test_database import sql
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, url_of
from tests.notes.transfer.moving import lines_of, post

pytestmark = pytest.mark.django_db
TRASH = "/api/v1/trash/"
LARGE = ("notes", "note_tags", "tags", "tag_counts", "note_search", "note_versions")
MANY = 6000
OTHERS = """
INSERT INTO users SELECT gen_random_uuid(), 'user ' || n FROM generate_series(1, 300) AS n;
INSERT INTO tags (name) SELECT 'tag ' || n FROM generate_series(1, 3000) AS n;
INSERT INTO tags (name) VALUES ('every');
"""
# Each of the user's notes has a tag that all have, one that three have, and a former state; every
# twentieth is in the trash. Others have as many notes together.
FILL = """
INSERT INTO notes (user_id, title, content, version, created_at, updated_at)
SELECT id, 'Note ' || n % 500, 'common w' || n % 200, CASE n % 500 WHEN 250 THEN 151 ELSE 2 END,
    time, time
FROM users, generate_series(1, {many}) AS n,
    LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '1 min' AS time) AS at
WHERE username {which};
INSERT INTO note_tags (note_id, tag_id) SELECT own.id, tags.id FROM (
    SELECT notes.id, row_number() OVER (PARTITION BY user_id ORDER BY notes.created_at) AS number
    FROM notes JOIN users ON users.id = user_id WHERE username {which}
) AS own JOIN tags ON name IN ('every', 'tag ' || number / 3);
INSERT INTO note_versions (note_id, number, title, tags, updated_at)
SELECT notes.id, number, 'former', '{{}}', notes.updated_at
FROM notes JOIN users ON users.id = user_id, generate_series(1, notes.version - 1) AS number
WHERE username {which};
UPDATE notes SET deleted_at = notes.created_at FROM users
WHERE users.id = user_id AND username {which} AND substr(title, 6)::int % 20 = 0;
"""
ANALYZE = "ANALYZE notes, note_tags, tags, tag_counts, note_search, note_versions"
NEW = [{"title": f"{n}", "tags": ["every"]} for n in range(100)]
# Method, path and body; and how many rows of the large tables may be read at most.
REQUESTS = {
    "list": ("get", NOTES, {}, 50),
    "one": ("get", "{note}", {}, 5),
    "create": ("post", NOTES, {"tags": ["every", "tag 7"]}, 50),
    "put": ("put", "{note}", {"title": "x", "tags": ["tag 7"]}, 100),
    "patch": ("patch", "{note}", {"content": "x"}, 50),
    "archive": ("post", "{note}archive/", {}, 50),
    "delete": ("delete", "{note}", {}, 50),
    "bulk": ("post", f"{NOTES}bulk/", {"operations": [{"op": "create", "tags": ["every"]}]}, 100),
    "search": ("get", NOTES, {"q": "w77"}, 600),
    "search of a tag": ("get", NOTES, {"q": "w77", "tag": "tag 77"}, 600),
    "trash": ("get", TRASH, {}, 50),
    "trashed": ("get", "{trashed}", {}, 5),
    "restore": ("post", "{trashed}restore/", {}, 50),
    "delete for good": ("delete", "{trashed}", {}, 50),
    "versions": ("get", "{note}versions/", {}, 50),
    "version": ("get", "{note}versions/100/", {}, 5),
    "restore version": ("post", "{note}versions/100/restore/", {}, 50),
    "tags": ("get", TAGS, {}, 50),
    "tags by prefix": ("get", TAGS, {"prefix": "tag 77"}, 50),
    "tag": ("get", f"{TAGS}every/", {}, 5),
    "what a rename changes": ("patch", f"{TAGS}tag 77/?dry_run=true", {"name": "x"}, 20),
    "rename tag": ("patch", f"{TAGS}tag 77/", {"name": "tag 78"}, 200),
    "take tag off": ("delete", f"{TAGS}tag 77/", {}, 200),
    "import": ("post", f"{NOTES}import/", NEW, 1000),
    "export": ("get", f"{NOTES}export/?format=jsonl", {}, MANY),
    "export as Markdown": ("get", f"{NOTES}export/?format=markdown", {}, MANY),
    "empty trash": ("delete", TRASH, {}, MANY // 2),
}


@pytest.fixture(params=["fresh", "stale"])
def places(request, user):
    """The user's notes are there; the planner knows of them, or not yet."""
    # Autovacuum sees no rows of this transaction, and the planner would believe it.
    order = [f"LOCK {', '.join(LARGE)} IN SHARE UPDATE EXCLUSIVE MODE", OTHERS]
    for statement in FILL.format(many=MANY // 300, which="LIKE 'user %'").split(";\n"):
        order += [statement, ANALYZE]
    own = FILL.format(many=MANY, which="= 'ada'")
    order += [own] if request.param == "stale" else [own, ANALYZE]
    # As for tables that are larger.
    order.append("SET LOCAL random_page_cost = 1.1")
    with connection.cursor() as cursor:
        for statement in filter(None, order):
            cursor.execute(statement)
    note = Note.objects.filter(user=user, title="Note 250").order_by("created_at")[5]
    trashed = Note.objects.filter(user=user, title="Note 300")[5]
    return {"note": url_of({"id": note.id}), "trashed": f"{TRASH}{trashed.id}/"}


def test_every_request_reads_by_index_what_it_shows_or_changes(api, places):
    for name, (method, path, body, most) in REQUESTS.items():
        with transaction.atomic():
            before = reads()
            ask(api, method, path.format(**places), body)
            scans, rows = (after - former for after, former in zip(reads(), before, strict=True))
            transaction.set_rollback(True)
        assert scans == 0, name
        assert rows <= most, (name, rows)


def ask(api, method, path, body):
    if isinstance(body, list):
        response = post(api, lines_of(*body))
    else:
        response = getattr(api, method)(path, body)
    assert response.status_code < 300, response.content
    if response.streaming:
        assert b"".join(response.streaming_content)


def reads():
    """Sequential scans of the large tables, and rows read of them, by this transaction."""
    return sql(
        "SELECT sum(seq_scan), sum(seq_tup_read + coalesce(idx_tup_fetch, 0))"
        " FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)",
        [*LARGE],
    )[0]
