"""Requests of tests run as the web server's database role, whatever the tests do as the owner."""

from contextlib import suppress

import psycopg
from django.db import connection


def let_become(server, roles):
    """Lets the owner of a test's server be one of these for a while, which may less."""
    with psycopg.connect(server.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"GRANT {', '.join(roles)} TO {server.role}")


def as_role(role):
    """A middleware. In raw SQL, so that tests which count queries count none of these."""

    def middleware(get_response):
        def respond(request):
            with suppress(RuntimeError):  # pytest-django's, in a test that is to use no database.
                connection.ensure_connection()
            if connection.connection is None:
                return get_response(request)
            connection.connection.execute(f"SET ROLE {role}")
            try:
                return get_response(request)
            finally:
                # In a transaction that has failed it comes with the rollback.
                with suppress(psycopg.Error, AttributeError):
                    connection.connection.execute("RESET ROLE")

        return respond

    return middleware


AsUsersWeb = as_role("users_web")
AsNotesWeb = as_role("notes_web")
