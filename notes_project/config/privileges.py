"""What each role of notes_db may do with which table; `manage.py migrate` grants just that.

The owner of the tables, who migrates, needs no line: all is his. Operators' commands run as the
owner. A table of which nothing stands here is the owner's alone.
"""

_ROWS = "SELECT, INSERT, UPDATE, DELETE"

PRIVILEGES = {
    # The web server, `prune_notes` and `compare_users`.
    "notes_web": {
        "notes": _ROWS,
        "tags": _ROWS,
        "note_tags": _ROWS,
        "note_search": _ROWS,
        "note_versions": _ROWS,
        "tag_counts": _ROWS,
        "idempotency_keys": _ROWS,
        # From tokens; and what a dead letter says that the admin replays.
        "users": _ROWS,
        "deleted_users": "SELECT, INSERT, UPDATE",
        "event_log": "SELECT, INSERT",
        "positions": "SELECT",
        "dead_letters": "SELECT, UPDATE (resolution, resolution_note, resolved_at)",
        "django_admin_log": "SELECT, INSERT",
        "django_content_type": "SELECT",
        "django_migrations": "SELECT",
    },
    # `consume_user_events`.
    "notes_consumer": {
        "users": _ROWS,
        "deleted_users": "SELECT, INSERT, UPDATE",
        # Those of a deleted user go, and a trigger counts the tags that are left.
        "notes": "SELECT (id, user_id), DELETE",
        "tag_counts": _ROWS,
        "event_log": "SELECT, INSERT",
        "dead_letters": "SELECT, INSERT, UPDATE",
        "positions": _ROWS,
        "topics": "SELECT, INSERT, DELETE",
    },
}
