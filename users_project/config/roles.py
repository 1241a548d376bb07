"""The database roles of this project's processes: what they may do is granted, and asked for.

The table is `config.privileges`. The roles themselves, with their passwords, are made by who runs
the server: `docs/operations.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, connection

from config.privileges import PRIVILEGES

logger = structlog.get_logger(__name__)

_EXISTING = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
_COLUMNS = """
SELECT relname, attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND attnum > 0
    AND NOT attisdropped
"""
_GRANTED = """
SELECT rolname, relname, '', privilege_type
FROM pg_class, aclexplode(relacl) JOIN pg_roles AS r ON r.oid = grantee
WHERE relnamespace = 'public'::regnamespace AND rolname = ANY(%(roles)s)
UNION ALL
SELECT rolname, relname, attname, privilege_type
FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid, aclexplode(attacl)
    JOIN pg_roles AS r ON r.oid = grantee
WHERE relnamespace = 'public'::regnamespace AND rolname = ANY(%(roles)s)
"""
# By whatever way: grants, a membership, or as the owner. What is not there yet is not missed.
_MISSING = """
SELECT name, tab, col
FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (tab, col, name)
    JOIN pg_class AS c ON relnamespace = 'public'::regnamespace AND relname = tab
    LEFT JOIN pg_attribute ON attrelid = c.oid AND attname = col AND NOT attisdropped
WHERE CASE WHEN col = '' THEN NOT has_table_privilege(c.oid, name)
    ELSE attnum IS NOT NULL AND NOT has_column_privilege(c.oid, attnum, name) END
ORDER BY tab, name, col
"""
_STANDING = """
SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s), EXISTS (
    SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
        AND pg_has_role(relowner, 'USAGE')
)
"""


class WrongRole(Exception):
    """The role may do less than its process needs, or everything; the text says what to do."""


class Privilege(NamedTuple):
    """Args: column: empty for one on the whole table."""

    role: str
    table: str
    column: str
    name: str

    def __str__(self) -> str:
        column = f" ({self.column})" if self.column else ""
        return f"{self.name}{column} ON {self.table}"


def wanted(roles: Iterable[str]) -> set[Privilege]:
    """What `PRIVILEGES` says of these roles."""
    found = set()
    for role in roles:
        for table, text in PRIVILEGES[role].items():
            for name, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", text):
                for column in columns.split(", "):
                    found.add(Privilege(role, table, column, name))
    return found


def granted(roles: Iterable[str]) -> set[Privilege]:
    with connection.cursor() as cursor:
        cursor.execute(_GRANTED, {"roles": list(roles)})
        return {Privilege(*row) for row in cursor.fetchall()}


def grant(**_: Any) -> None:
    """After `migrate`: these roles may do what the table says, and nothing else.

    Roles that the server has not are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EXISTING, [list(PRIVILEGES)])
        roles = [name for (name,) in cursor.fetchall()]
        if not roles:
            return
        there, wants, has = _columns(), wanted(roles), granted(roles)
        for privilege in sorted(has - wants):
            cursor.execute(f'REVOKE {privilege} FROM "{privilege.role}"')
        # In the middle of the migrations a table may not be there yet.
        for privilege in sorted(wants - has):
            if (privilege.table, privilege.column) in there:
                cursor.execute(f'GRANT {privilege} TO "{privilege.role}"')
        _close_database(roles)


def require(role: str) -> None:
    """At the start of a process whose role this is. A database that is away is asked no further.

    Raises:
        WrongRole: the process may do less than the role. Or it owns the tables, though the server
            has that role.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(_STANDING, [role, list(PRIVILEGES[role])])
            user, exists, owns = cursor.fetchone() or ("", False, False)
            columns = zip(*((p.table, p.column, p.name) for p in wanted([role])), strict=True)
            cursor.execute(_MISSING, [list(column) for column in columns])
            missing = [Privilege(user, tab, col, name) for name, tab, col in cursor.fetchall()]
    except (OperationalError, InterfaceError):
        return
    finally:
        connection.close()  # Before the web server's processes are made.
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WrongRole(
            f"roles.E001 The database role {user} may not {missing[0]}{more}. Connect as {role}. If"
            " that role came later, run `manage.py migrate`: docs/operations.md, Database roles."
        )
    if owns and exists:
        raise WrongRole(
            f"roles.E002 The database role {user} owns the tables, which this process does not"
            f" need. Connect as {role}: docs/operations.md, Database roles."
        )
    if owns:
        hint = f"It owns the tables. Make the role {role}: docs/operations.md, Database roles."
        logger.warning("one_database_role", role=user, hint=hint)


def _columns() -> set[tuple[str, str]]:
    """Each table with an empty name, and with that of each of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        found = set(cursor.fetchall())
    return found | {(table, "") for table, _ in found}


def _close_database(roles: list[str]) -> None:
    """Only these roles and the owner connect, and only the owner makes tables, temporary ones too.

    Before PostgreSQL 15 everybody made tables, and so it stays where a database comes from there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(current_database()),"
            " has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY'),"
            " bool_and(has_database_privilege(rolname, current_database(), 'CONNECT')),"
            " has_schema_privilege('public', 'public', 'CREATE')"
            " FROM pg_roles WHERE rolname = ANY(%s)",
            [roles],
        )
        name, is_open, can_connect, can_create = cursor.fetchone() or ("", False, True, False)
        if is_open:
            cursor.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC")
        if is_open or not can_connect:
            cursor.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(roles)}")
        if can_create:
            cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
