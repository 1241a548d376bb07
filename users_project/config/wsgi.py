"""The WSGI application. What is wrong at the start ends the process with its message."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, SystemCheckError
from django.core.wsgi import get_wsgi_application

from config import roles
from config.headers import without_unreadable
from config.postgresql.base import limit_answers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    application = without_unreadable(get_wsgi_application())
    limit_answers()
    BaseCommand().check()
    # What the commands do without, such as the signing keys.
    BaseCommand().check(tags=["web"], include_deployment_checks=True)
    roles.require("users_web")
except (ImproperlyConfigured, SystemCheckError, roles.WrongRole) as error:
    sys.exit(str(error))
