#!/usr/bin/env python
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError
from psycopg.errors import InsufficientPrivilege, UndefinedTable

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OperationalError as error:
        database = settings.DATABASES["default"]
        place = f"{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
        reason = str(error).partition("\n")[0]
        sys.exit(
            f"NOTES_DATABASE_URL: the database at {place} cannot be used: {reason}. "
            "Start it, or correct the variable."
        )
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            reason = str(error).partition("\n")[0]
            sys.exit(
                f"{reason}: the database role in NOTES_DATABASE_URL is not the one for this"
                " command. Operators' commands run as the owner of the tables: docs/operations.md."
            )
        if not isinstance(error.__cause__, UndefinedTable):
            raise
        sys.exit("The database has not all tables of this release: run `manage.py migrate`.")
