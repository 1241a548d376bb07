"""The service's own settings, with an environment that the tests fix."""

import os

# Without a value for it, conftest.py starts a server and says where it is.
os.environ.setdefault("NOTES_DATABASE_URL", "postgres://notes@127.0.0.1:1/notes_db")
os.environ.update(
    DEBUG="false",
    NOTES_SECRET_KEY="the secret key of the tests, which is as long as it has to be",
    # Each test that needs keys serves them: see the fixture `issuer`.
    NOTES_JWKS_URL="http://127.0.0.1:1/.well-known/jwks.json",
    NOTES_JWKS_FILE="",
    GATEWAY_URL="http://testserver",
    ALLOWED_HOSTS="",
    KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
    COMPARISON_SECRET="",
    # A test of the limits sets its own.
    READS_PER_MINUTE="1000000",
    WRITES_PER_MINUTE="1000000",
    LOG_LEVEL="INFO",
    LOG_FORMAT="json",
)

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

if "127.0.0.1:1/" in os.environ["NOTES_DATABASE_URL"]:  # A server of others may lack the role.
    MIDDLEWARE = ["tests.roles.AsNotesWeb", *MIDDLEWARE]
