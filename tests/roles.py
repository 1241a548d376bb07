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
            used = None

            def become(execute, sql, params, many, context):
                nonlocal used
                if connection.connection is not used:
                    used = connection.connection
                    used.execute(f"SET ROLE {role}")
                return execute(sql, params, many, context)

            try:
                with connection.execute_wrapper(become):
                    return get_response(request)
            finally:
                # In a transaction that has failed it comes with the rollback.
                if used is not None:
                    with suppress(psycopg.Error):
                        used.execute("RESET ROLE")

        return respond

    return middleware


AsUsersWeb = as_role("users_web")
AsNotesWeb = as_role("notes_web")
