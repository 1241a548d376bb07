"""The service's own settings, with an environment that the tests fix and a fast hasher."""

import os

# Without a value for it, conftest.py starts a server and says where it is.
os.environ.setdefault("USERS_DATABASE_URL", "postgres://users@127.0.0.1:1/users_db")
os.environ.update(
    DEBUG="false",
    USERS_SECRET_KEY="the secret key of the tests, which is as long as it has to be",
    # conftest.py makes keys and says where.
    USERS_SIGNING_KEYS_DIR="no-keys",
    GATEWAY_URL="http://testserver",
    ALLOWED_HOSTS="",
    KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
    COMPARISON_SECRET="",
    # A test of the limits sets its own.
    READS_PER_MINUTE="1000000",
    WRITES_PER_MINUTE="1000000",
    EMAIL_URL="",
    EMAIL_FROM="",
    EMAIL_VERIFICATION="",
    LOG_LEVEL="INFO",
    LOG_FORMAT="json",
)

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

if "127.0.0.1:1/" in os.environ["USERS_DATABASE_URL"]:  # A server of others may lack the role.
    MIDDLEWARE = ["tests.roles.AsUsersWeb", *MIDDLEWARE]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
