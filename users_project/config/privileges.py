"""What each role of users_db may do with which table; `manage.py migrate` grants just that.

The owner of the tables, who migrates, needs no line: all is his. Operators' commands run as the
owner. A table of which nothing stands here is the owner's alone. What a trigger writes that runs as
the owner is not here either: nobody but those triggers and the owner writes the outbox.
"""

_ROWS = "SELECT, INSERT, UPDATE, DELETE"

PRIVILEGES = {
    # The web server and `prune_sessions`.
    "users_web": {
        "users": _ROWS,
        "users_groups": "SELECT, INSERT, DELETE",
        "users_user_permissions": "SELECT, INSERT, DELETE",
        "pending_addresses": _ROWS,
        "sessions": _ROWS,
        "refresh_tokens": _ROWS,
        "attempts": "SELECT, INSERT, UPDATE (count, ends_at), DELETE",
        # Neither the time of an entry nor its place among the others.
        "audit_log": "SELECT, INSERT (event, user_id, actor_id, session_id, request_id)",
        "outbox": "SELECT",
        "auth_group": _ROWS,
        "auth_group_permissions": "SELECT, INSERT, DELETE",
        "auth_permission": "SELECT",
        "django_admin_log": "SELECT, INSERT, DELETE",
        "django_content_type": "SELECT",
        "django_migrations": "SELECT",
        "django_session": _ROWS,
    },
    # `relay_outbox`.
    "users_relay": {
        "outbox": "SELECT, DELETE",
    },
}
