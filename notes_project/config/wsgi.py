"""The WSGI application. What is wrong at the start ends the process with its message."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.wsgi import get_wsgi_application

from config import roles
from config.headers import without_unreadable
from config.postgresql.base import limit_answers, prepare_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    application = without_unreadable(get_wsgi_application())
    limit_answers()
    # Users have few notes, or very many.
    prepare_statements(plan_for_values=True)
    call_command("check")
    roles.require("notes_web")
except (ImproperlyConfigured, SystemCheckError, roles.WrongRole) as error:
    sys.exit(str(error))
